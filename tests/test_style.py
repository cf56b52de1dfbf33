"""Limits on the figures of style_figures.py: the density of lines, names and docstrings."""

from pathlib import Path

import pytest

from tests import style_figures
from tests.style_figures import Figures

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def figures() -> Figures:
    return style_figures.count(sorted((ROOT / "pipeline/edgebake").rglob("*.py")))


def test_a_line_holds_few_tokens(figures: Figures) -> None:
    assert figures.tokens_per_line() <= 8


@pytest.mark.parametrize(("kind", "limit"), [("conditional expression", 12), ("Any", 15)])
def test_what_hides_steps_is_rare(figures: Figures, kind: str, limit: float) -> None:
    assert figures.per_thousand(kind) < limit


@pytest.mark.parametrize(
    "kind",
    [
        "nested comprehension",
        "nested conditional expression",
        "noqa without a reason",
        "riddle as module docstring",
    ],
)
def test_what_no_reader_needs_is_gone(figures: Figures, kind: str) -> None:
    assert figures.places.get(kind, []) == []


def test_names_say_what_a_value_is(figures: Figures) -> None:
    assert figures.count("forbidden name") < 0.1 * figures.functions


def test_docstrings_of_array_functions_give_shapes(figures: Figures) -> None:
    assert figures.count("array without a shape") <= 0.1 * figures.array_functions


def test_the_figures_of_a_worked_example(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(
        '"""Where things lie."""\n'
        "\n"
        "\n"
        "def shapes(rows: list[list[int]]) -> list[int]:\n"
        "    found = [[1 for one in row] for row in rows]  # noqa: C416\n"
        "    return found[0] if found else [] if rows else [1]\n"
    )
    counted = style_figures.count([file])
    assert {kind: len(places) for kind, places in counted.places.items()} == {
        "noqa without a reason": 1,
        "riddle as module docstring": 1,
        "nested comprehension": 1,
        "conditional expression": 2,
        "nested conditional expression": 1,
        "forbidden name": 1,
    }
    # `found = [[1 for one in row] for row in rows]` has 16 tokens, the next line 15.
    assert (counted.body_lines, counted.body_tokens) == (2, 31)
