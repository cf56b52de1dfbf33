"""The CSV that `data.table` names in, what it says of each image out.

A column that names neither image, label nor split says something more of each image, and gates can ask about it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgebake.data.readers.labels import few, split_of
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Table


@dataclass(frozen=True)
class Row:
    """What one line says; empty where the recipe names no such column."""

    line: int
    image: str  # path below data.path
    label: str
    split: str
    cells: dict[str, str]  # of the whole line, by their columns


def columns(folder: Path, table: Table) -> list[str]:
    """Return the names of the columns that say something more of each image.

    Raises:
        DataError: the table is missing, or lacks a column that the recipe names.
    """
    return _others(next(_lines(folder / table.file))[1], table)


def rows(folder: Path, table: Table) -> dict[str, Row]:
    """Return what the table says of each image, by the image.

    Raises:
        DataError: the table is missing or malformed, or names an image twice, naming the line.
    """
    file, found = folder / table.file, dict[str, Row]()
    lines = _lines(file)
    heads = next(lines)[1]
    _refuse_missing(file, heads, table)
    for number, values in lines:
        if len(values) > len(heads):
            expected = f"expected {len(heads)}, as in the first line"
            raise DataError(f"{file}: line {number} has {len(values)} cells; {expected}")
        row = _row(file, number, _cells(heads, values), table)
        if row.image in found:
            first = found[row.image].line
            raise DataError(
                f"{file}: line {number} names {row.image}, as line {first} does; expected each image once"
            )
        found[row.image] = row
    return found


def match(file: Path, found: dict[str, Row], images: list[str]) -> None:
    """Hold the rows of a table against the images that there are.

    Raises:
        DataError: a row without its image, or an image without its row.
    """
    there = set(images)
    if lost := [f"line {row.line} {row.image}" for row in found.values() if row.image not in there]:
        raise DataError(
            f"{file}: no such image: {few(lost)}; expected paths below the folder of the data"
        )
    if without := [image for image in images if image not in found]:
        raise DataError(f"{file}: no line for {few(without)}; expected one for every image")


def _row(file: Path, number: int, cells: dict[str, str], table: Table) -> Row:
    where, image = f"{file}: line {number}", cells[table.image].strip().replace("\\", "/")
    if not image:
        raise DataError(f"{where} names no image; expected its path in the column {table.image!r}")
    label = cells[table.label].strip() if table.label else ""
    if table.label and not label:
        raise DataError(f"{where} has no label; expected one in the column {table.label!r}")
    split = split_of(cells[table.split]) if table.split else ""
    if split is None:
        said = f"{cells[str(table.split)]!r} in the column {table.split!r}"
        raise DataError(f"{where} says {said}; expected train, validation, test or calibration")
    return Row(number, PurePosixPath(image).as_posix(), label, split, cells)


def _cells(heads: list[str], values: list[str]) -> dict[str, str]:
    """Return the cells of a line by the name of their column; a line that ends early leaves the last ones empty."""
    return dict(zip(heads, values + [""] * (len(heads) - len(values)), strict=True))


def _others(heads: list[str], table: Table) -> list[str]:
    # pandas writes its index into a column without a name, which no gate could ask about
    return [name for name in heads if name and name not in (table.image, table.label, table.split)]


def _refuse_missing(file: Path, heads: list[str], table: Table) -> None:
    for word in ("image", "label", "split"):
        name = getattr(table, word)
        if name is not None and name not in heads:
            hint = f"expected one of: {listed(heads)}{nearest(name, heads)}"
            raise DataError(f"{file}: no column {name!r}, which data.table.{word} names; {hint}")
    if twice := sorted({name for name in heads if heads.count(name) > 1}):
        raise DataError(f"{file}: the column {twice[0]!r} is there twice; expected each once")


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that is not empty with its number, the names of the columns first."""
    if not file.is_file():
        raise DataError(
            f"{file}: no such file; expected the CSV that data.table.file names below data.path"
        )
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.reader(text, strict=True)
        try:
            lines = ((reader.line_num, values) for values in reader if values)
            first = next(lines, None)
            if first is None:
                raise DataError(
                    f"{file}: empty; expected the names of the columns and a line for every image"
                )
            yield first
            yield from lines
        except (csv.Error, UnicodeDecodeError) as error:
            where = f"{file}: line {reader.line_num + 1}"
            raise DataError(f"{where} cannot be read ({error}); expected CSV in UTF-8") from None
