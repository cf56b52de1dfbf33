"""Read columns of a Parquet file with pyarrow, in parts.

Source of the format: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers.table_cells import Cells
from edgebake.errors import DataError, HostError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNIT = "row"
ROWS_AT_ONCE = 65_536
MAX_BYTES = 4 << 30  # of the columns that are read, without compression


def names(file: Path) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: the file is no Parquet file.
        HostError: pyarrow is not installed.
    """
    return [str(name) for name in _open(file).schema_arrow.names]


def read(file: Path, numbers: Sequence[str], texts: Sequence[str], max_rows: int) -> Cells:
    """Return some columns.

    Raises:
        DataError: a column has another type, a cell is null or not finite, there are too many
            rows or bytes, or the file is damaged.
        HostError: pyarrow is not installed.
    """
    import pyarrow

    parquet = _open(file)
    _check_size(file, parquet, {*numbers, *texts}, max_rows)
    for name in numbers:
        _check_type(file, parquet, name, is_number=True)
    for name in texts:
        _check_type(file, parquet, name, is_number=False)
    number_parts: dict[str, list[Any]] = {name: [] for name in numbers}
    text_columns: dict[str, list[str]] = {name: [] for name in texts}
    first = 1
    try:
        for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=[*numbers, *texts]):
            for name in (*numbers, *texts):
                _refuse_nulls(file, first, name, batch.column(name))
            for name, parts in number_parts.items():
                parts.append(_finite_numbers(file, first, name, batch.column(name)))
            for name, column in text_columns.items():
                column.extend(_texts(file, first, name, batch.column(name)))
            first += len(batch)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: {_summary(error)}; expected a whole Parquet file") from None
    columns = {}
    for name, parts in number_parts.items():
        columns[name] = np.concatenate([np.zeros(0), *parts])
    return Cells(range(1, first), columns, text_columns)


def _open(file: Path) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise HostError(
            f"pyarrow: not installed; expected it for {file}: install the extra `tables`, "
            "or write the table as CSV"
        ) from None
    try:
        return parquet.ParquetFile(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: {_summary(error)}; expected a Parquet file") from None


def _summary(error: Exception) -> str:
    """Return the first sentence of a message of Arrow."""
    first_line, *_ = f"{error}".splitlines() or ["unreadable"]
    sentence, _, _ = first_line.partition(". ")
    return sentence.rstrip(".")


def _check_size(file: Path, parquet: Any, columns: set[str], max_rows: int) -> None:
    metadata = parquet.metadata
    if metadata.num_rows > max_rows:
        raise DataError(f"{file}: more than {max_rows:,} rows; expected at most that many")
    size = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for number in range(metadata.num_columns):
            column = row_group.column(number)
            if column.path_in_schema in columns:
                size += column.total_uncompressed_size
    if size > MAX_BYTES:
        raise DataError(
            f"{file}: {size:,} bytes without compression; expected at most {MAX_BYTES:,}"
        )


def _check_type(file: Path, parquet: Any, name: str, is_number: bool) -> None:
    """Check that a column holds numbers; or else texts, whole numbers or booleans."""
    from pyarrow import types

    column = parquet.schema_arrow.field(name).type
    kind = column
    if types.is_dictionary(kind):
        kind = kind.value_type
    is_text = types.is_string(kind) or types.is_large_string(kind)
    if is_number:
        fits = types.is_integer(column) or types.is_floating(column)
        expected = "numbers"
    else:
        fits = is_text or types.is_integer(kind) or types.is_boolean(kind)
        expected = "texts or whole numbers"
    if not fits:
        raise DataError(f"{file}: the column {name!r} holds {column}; expected {expected}")


def _refuse_nulls(file: Path, first: int, name: str, column: Any) -> None:
    """Refuse a batch of a column, whose first row is `first`, if a cell of it is empty."""
    if not column.null_count:
        return
    missing = np.asarray(column.is_null()).nonzero()
    row = first + int(missing[0][0])
    problem = f"row {row} has no value in the column {name!r}"
    raise DataError(f"{file}: {problem}; expected one in every row")


def _finite_numbers(file: Path, first: int, name: str, column: Any) -> Any:
    """Return a batch of a column as float64 [rows]."""
    values = np.asarray(column).astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        cell = f"{values[wrong[0]]:g}"
        problem = f"row {first + int(wrong[0])} holds {cell!r} in the column {name!r}"
        raise DataError(f"{file}: {problem}; expected a finite number")
    return values


def _texts(file: Path, first: int, name: str, column: Any) -> list[str]:
    """Return a batch of a column as texts [rows]."""
    try:
        texts = [str(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        rows = f"rows {first} to {first + len(column) - 1} of the column {name!r}"
        raise DataError(f"{file}: {rows} are not UTF-8; expected texts in UTF-8") from None
    for number, text in enumerate(texts):
        if not text.strip():
            problem = f"row {first + number} has no value in the column {name!r}"
            raise DataError(f"{file}: {problem}; expected one in every row")
    return texts
