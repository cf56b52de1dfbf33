"""Pages of docs/reference/ that are written from the code are what the code says today."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from docs import generate

REFERENCE = Path(__file__).parents[2] / "docs/reference"


@pytest.mark.parametrize("name", ["recipe_fields.md", "command_line.md"])
def test_a_generated_page_is_fresh(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REFERENCE.parents[1])
    assert (REFERENCE / name).read_text() == generate.pages()[name], "run `make docs`"


def test_every_field_says_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REFERENCE.parents[1])
    rows = [line for line in generate.recipe_fields() if line.startswith("| `")]
    assert len(rows) > 150
    assert [row for row in rows if row.endswith("|  |")] == []


@dataclass
class Base:
    """A base."""

    # The first one,
    # in two lines.
    first: int = 1


@dataclass
class Derived(Base):
    """A class with a field of its own."""

    second: int = 2
    # The third one.
    third: int = 3


def test_the_comment_above_a_field_describes_it() -> None:
    assert generate.field_comments(Derived) == {
        "first": "The first one, in two lines.",
        "second": "",
        "third": "The third one.",
    }
