"""Read columns of a CSV file in UTF-8, whose first line has their names."""

from __future__ import annotations

import csv
import math
from array import array
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers.table_cells import Cells
from edgebake.data.readers.tables import bounded_lines
from edgebake.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNIT = "line"


def names(file: Path) -> list[str]:
    """Return the cells of the first line.

    Raises:
        DataError: the file is empty or no CSV.
    """
    _, header = next(_lines(file))
    return header


def read(file: Path, numbers: Sequence[str], texts: Sequence[str], max_rows: int) -> Cells:
    """Return some columns; lines without a cell are skipped.

    Raises:
        DataError: a line has another number of cells than the first, a cell is empty or no finite
            number, or there are too many rows.
    """
    lines = _lines(file)
    _, header = next(lines)
    number_columns = [(name, header.index(name), array("d")) for name in numbers]
    text_columns: list[tuple[str, int, list[str]]] = [
        (name, header.index(name), []) for name in texts
    ]
    rows: list[int] = []
    for line, cells in lines:
        if len(cells) != len(header):
            expected = f"expected {len(header)}, as in the first line"
            raise DataError(f"{file}: line {line} has {len(cells)} cells; {expected}")
        if len(rows) == max_rows:
            raise DataError(f"{file}: more than {max_rows:,} rows; expected at most that many")
        rows.append(line)
        for name, index, values in number_columns:
            values.append(_number(file, line, name, cells[index]))
        for name, index, column in text_columns:
            if not cells[index].strip():
                problem = f"line {line} has no value in the column {name!r}"
                raise DataError(f"{file}: {problem}; expected one in every row")
            column.append(cells[index])
    return Cells(
        rows=rows,
        numbers={name: np.array(values, np.float64) for name, _, values in number_columns},
        texts={name: column for name, _, column in text_columns},
    )


def _number(file: Path, line: int, name: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        problem = f"line {line} holds {cell!r} in the column {name!r}"
        raise DataError(f"{file}: {problem}; expected a finite number")
    return number


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line that is not empty; the header comes first."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.reader(bounded_lines(file, text), strict=True)
        is_empty = True
        try:
            for cells in reader:
                if cells:
                    is_empty = False
                    yield reader.line_num, cells
        except UnicodeDecodeError:
            problem = f"not UTF-8 after line {reader.line_num}"
            raise DataError(f"{file}: {problem}; expected CSV in UTF-8") from None
        except csv.Error as error:
            problem = f"line {reader.line_num} cannot be read ({error})"
            raise DataError(f"{file}: {problem}; expected CSV in UTF-8") from None
        if is_empty:
            raise DataError(f"{file}: empty; expected the names of the columns and rows")
