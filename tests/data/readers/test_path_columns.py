"""Columns that the paths of images contain."""

import pytest

from edgebake.data.readers import path_columns
from edgebake.errors import DataError
from edgebake.recipe import Data

PATHS = ["cats/p07_1.png", "dogs/p12_2.png"]


def _read(**patterns: str) -> dict[str, list[str]]:
    return path_columns.read(Data(path="pets", columns=patterns), PATHS)


def test_a_pattern_reads_a_part_of_the_name_or_a_folder() -> None:
    assert _read(person="(p[0-9]+)_", kind="^([^/]+)/") == {
        "person": ["p07", "p12"],
        "kind": ["cats", "dogs"],
    }


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "(p[0-9]+_",
            "data.columns.person: '(p[0-9]+_' is no regular expression (missing ), unterminated "
            "subpattern at position 0); expected one, for example '(p[0-9]+)_'",
        ),
        (
            "p[0-9]+",
            "data.columns.person: 'p[0-9]+' has 0 groups; expected one in parentheses, the value",
        ),
        (
            "(p0[0-9])_",
            "pets: data.columns.person has no value for dogs/p12_2.png; "
            "expected '(p0[0-9])_' to match the path of every file",
        ),
    ],
)
def test_a_pattern_that_does_not_fit_is_named(pattern: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        _read(person=pattern)
    assert str(refused.value) == message
