"""Tables: line numbers below quoted cells, and damaged CSV."""

from pathlib import Path

import pytest

from edgebake.data.readers import tables
from edgebake.errors import DataError
from edgebake.recipe import Table

TABLE = Table(file="table.csv", image="file", label="kind", split=None)


def _write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "table.csv").write_text(text)
    return tmp_path


def test_a_line_has_the_number_that_an_editor_shows(tmp_path: Path) -> None:
    folder = _write(tmp_path, 'file,kind,note\na.png,cat,"two\nlines"\n\nb.png,dog,\n')
    assert {row.image: row.line for row in tables.read_rows(folder, TABLE).values()} == {
        "a.png": 3,
        "b.png": 5,
    }


def test_paths_are_compared_as_paths(tmp_path: Path) -> None:
    folder = _write(tmp_path, "file,kind\n./a//b.png,cat\nc\\d.png,dog\n")
    assert list(tables.read_rows(folder, TABLE)) == ["a/b.png", "c/d.png"]


def test_a_column_without_a_name_is_no_slice(tmp_path: Path) -> None:
    assert tables.read_columns(_write(tmp_path, ",file,kind,light\n0,a.png,cat,day\n"), TABLE) == [
        "light"
    ]


def test_a_quote_that_is_not_closed_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"table\.csv: line \d cannot be read \(unexpected end of data\); expected CSV",
    ):
        tables.read_rows(_write(tmp_path, 'file,kind\na.png,"cat\n'), TABLE)


def test_a_line_without_an_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"line 3 names no file; expected its path in the column 'file'"
    ):
        tables.read_rows(_write(tmp_path, "file,kind\na.png,cat\n,dog\n"), TABLE)
