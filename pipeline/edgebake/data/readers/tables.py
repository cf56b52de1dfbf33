"""Read the CSV file of `data.table`: label, split and further columns of each file.

Columns other than that with the path, label and split are slices, which gates can refer to.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TextIO

from edgebake.data.readers import links
from edgebake.data.readers.labels import parse_split, preview
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Table
from edgebake.terminal.printable import is_printable, printable

MAX_LINE = 1_000_000  # characters
MAX_COLUMNS = 200


@dataclass(frozen=True)
class Row:
    """One line of a table; label and split are empty if the recipe names no such column."""

    line: int
    image: str  # path of the image or sound below data.path
    label: str
    split: str
    cells: dict[str, str]  # of the whole line, by column


def read_columns(folder: Path, table: Table) -> list[str]:
    """Return the names of the columns other than path, label and split.

    Raises:
        DataError: the table is missing, or lacks a column that the recipe names.
    """
    _, columns = next(_lines(folder, table))
    named = (table.image, table.label, table.split)
    # pandas writes its index into a column without a name, which no gate could refer to.
    return [name for name in columns if name and name not in named]


def read_rows(folder: Path, table: Table) -> dict[str, Row]:
    """Return the row of each file.

    Raises:
        DataError: the table is missing or malformed, or names a file twice; names the line.
    """
    file = folder / table.file
    lines = _lines(folder, table)
    _, columns = next(lines)
    _refuse_columns(file, columns)
    _refuse_missing_columns(file, columns, table)
    rows: dict[str, Row] = {}
    for number, cells in lines:
        if len(cells) > len(columns):
            expected = f"expected {len(columns)}, as in the first line"
            raise DataError(f"{file}: line {number} has {len(cells)} cells; {expected}")
        # A line that ends early leaves its last cells empty.
        by_column = dict(zip_longest(columns, cells, fillvalue=""))
        row = _parse_row(file, number, by_column, table)
        if row.image in rows:
            first = rows[row.image].line
            raise DataError(
                f"{file}: line {number} names {row.image}, as line {first} does; "
                "expected each file once"
            )
        rows[row.image] = row
    return rows


def check_rows(file: Path, rows: Mapping[str, Row], images: Sequence[str]) -> None:
    """Check that each row has a file, and each file a row.

    Raises:
        DataError: one has not.
    """
    existing = set(images)
    missing = [f"line {row.line} {row.image}" for row in rows.values() if row.image not in existing]
    if missing:
        raise DataError(
            f"{file}: no such file: {preview(missing)}; expected paths below the folder of the data"
        )
    without_row = [image for image in images if image not in rows]
    if without_row:
        raise DataError(f"{file}: no line for {preview(without_row)}; expected one for every file")


def _parse_row(file: Path, number: int, cells: dict[str, str], table: Table) -> Row:
    line = f"{file}: line {number}"
    image = cells[table.image].strip().replace("\\", "/")
    if not image:
        raise DataError(f"{line} names no file; expected its path in the column {table.image!r}")
    label = cells[table.label].strip() if table.label else ""
    if table.label and not label:
        raise DataError(f"{line} has no label; expected one in the column {table.label!r}")
    split = parse_split(cells[table.split]) if table.split else ""
    if split is None:
        value = f"{cells[str(table.split)]!r} in the column {table.split!r}"
        raise DataError(f"{line} says {value}; expected train, validation, test or calibration")
    return Row(number, PurePosixPath(image).as_posix(), label, split, cells)


def _refuse_columns(file: Path, columns: Sequence[str]) -> None:
    """Refuse more columns than a line can be filled up to, and names that cannot be shown."""
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{file}: {len(columns):,} columns; expected at most {MAX_COLUMNS}")
    for name in columns:
        if not is_printable(name):
            raise DataError(
                f"{file}: the column '{printable(name)}' has an invisible character; "
                "expected visible text"
            )


def _refuse_missing_columns(file: Path, columns: Sequence[str], table: Table) -> None:
    for key in ("image", "label", "split"):
        name = getattr(table, key)
        if name is not None and name not in columns:
            hint = f"expected one of: {listed(columns)}{nearest(name, columns)}"
            raise DataError(f"{file}: no column {name!r}, which data.table.{key} names; {hint}")
    repeated = sorted(name for name in columns if columns.count(name) > 1)
    if repeated:
        raise DataError(f"{file}: the column {repeated[0]!r} is there twice; expected each once")


def _lines(folder: Path, table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty; the header comes first."""
    file = folder / table.file
    links.refuse_outside(file, folder)
    if not file.is_file():
        raise DataError(
            f"{file}: no such file; expected the CSV that data.table.file names below data.path"
        )
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.reader(bounded_lines(file, text), strict=True)
        try:
            lines = ((reader.line_num, cells) for cells in reader if cells)
            header = next(lines, None)
            if header is None:
                raise DataError(
                    f"{file}: empty; expected the names of the columns and a line for every file"
                )
            yield header
            yield from lines
        except (csv.Error, UnicodeDecodeError) as error:
            line = f"{file}: line {reader.line_num + 1}"
            raise DataError(f"{line} cannot be read ({error}); expected CSV in UTF-8") from None


def bounded_lines(file: Path, text: TextIO) -> Iterator[str]:
    """Yield the lines of a file; none is read that would fill the memory.

    Raises:
        DataError: a line is too long.
    """
    number = 1
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise DataError(
                f"{file}: line {number} has more than {MAX_LINE:,} characters; expected fewer"
            )
        yield line
        number += 1
