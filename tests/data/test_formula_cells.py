"""Texts of a dataset that a spreadsheet would run become texts there, and themselves again."""

import pytest

from edgebake.data.formula_cells import from_cell, to_cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+cat", "'+cat"),
        ("-cat", "'-cat"),
        ("-1", "-1"),
        ("+2.5", "+2.5"),
        ("'quoted", "''quoted"),
        ("<script>", "<script>"),
        ("cat", "cat"),
        ("", ""),
    ],
)
def test_a_formula_gets_an_apostrophe(text: str, cell: str) -> None:
    assert to_cell(text) == cell
    assert from_cell(cell) == text
