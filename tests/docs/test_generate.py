"""Pages of docs/ that are written from the code are what the code says today."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from docs import generate

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "path", ["reference/recipe_fields.md", "reference/command_line.md", "guides/models.md"]
)
def test_a_generated_page_is_fresh(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    assert (DOCS / path).read_text() == generate.pages()[path], "run `make docs`"


def test_every_field_says_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
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
