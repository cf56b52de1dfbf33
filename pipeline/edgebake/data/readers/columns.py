"""Read columns of a table: a CSV file in UTF-8 with a header, or a Parquet file.

Columns are read as numbers or as texts. Parquet needs pyarrow. A file is read in parts, and not
at all if it is larger than allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.data.readers import csv_columns, parquet_columns
from edgebake.errors import DataError, listed, nearest
from edgebake.terminal.printable import is_printable, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MAX_COLUMNS = 1000
GB = 1e9  # bytes
FORMATS = {".csv": csv_columns, ".parquet": parquet_columns}


@dataclass(frozen=True)
class Table:
    """Columns of a table; `rows` are the numbers by which messages name its rows."""

    file: Path
    rows: Sequence[int]  # lines of a CSV file, rows of a Parquet file; from 1
    unit: str  # line or row
    numbers: dict[str, NDArray[np.float64]]  # each [rows], finite
    texts: dict[str, list[str]]

    def place(self, index: int) -> str:
        """Return file and row of an index, for messages."""
        return f"{self.file}: {self.unit} {self.rows[index]}"


@dataclass(frozen=True)
class Limits:
    """Largest table that is read."""

    rows: int
    gigabytes: float  # on disk, and of Parquet also in memory


def names(file: Path, limits: Limits) -> list[str]:
    """Return the names of all columns; no row is read.

    Raises:
        DataError: the file is missing, too large, or no table.
    """
    _check_file(file, limits)
    columns: list[str] = FORMATS[file.suffix.lower()].names(file)
    _check_names(file, columns)
    return columns


def read(file: Path, numbers: Sequence[str], texts: Sequence[str], limits: Limits) -> Table:
    """Return some columns of a table as numbers, and some as texts.

    Raises:
        DataError: the file is missing, too large or no table; a column is missing or there twice;
            or a cell is empty, or holds no finite number where numbers are expected.
    """
    existing = names(file, limits)
    for name in (*numbers, *texts):
        if name not in existing:
            hint = f"expected one of: {listed(existing)}{nearest(name, existing)}"
            raise DataError(f"{file}: no column {name!r}; {hint}")
    reader = FORMATS[file.suffix.lower()]
    cells = reader.read(file, numbers, texts, limits.rows)
    if not len(cells.rows):
        raise DataError(f"{file}: no rows; expected one or more")
    return Table(file, cells.rows, reader.UNIT, cells.numbers, cells.texts)


def _check_file(file: Path, limits: Limits) -> None:
    if file.suffix.lower() not in FORMATS:
        raise DataError(f"{file}: no table; expected a file that ends in {listed(FORMATS)}")
    if not file.is_file():
        raise DataError(f"{file}: no such file; expected a table: {listed(FORMATS)}")
    size = file.stat().st_size
    if size > limits.gigabytes * GB:
        allowed = f"{limits.gigabytes:g} GB: data.max_gigabytes"
        raise DataError(f"{file}: {size / GB:.3g} GB; expected at most {allowed}")


def _check_names(file: Path, columns: Sequence[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{file}: {len(columns):,} columns; expected at most {MAX_COLUMNS:,}")
    for name in columns:
        if not is_printable(name):
            raise DataError(
                f"{file}: the column '{printable(name)}' has an invisible character; "
                "expected visible text"
            )
        if columns.count(name) > 1:
            raise DataError(f"{file}: the column {name!r} is there twice; expected each once")
