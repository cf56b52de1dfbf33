"""Read columns of a Parquet file with pyarrow, in this process and in parts.

`parquet_columns` calls it in a child process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_AT_ONCE = 65_536
MAX_BYTES = 4 << 30  # of the columns that are read, without compression


def names(file: str) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: the file is no Parquet file.
    """
    try:
        return [str(name) for name in _open(file).schema_arrow.names]
    except UnicodeDecodeError:
        raise DataError(
            f"{file}: names of columns are not UTF-8; expected a Parquet file"
        ) from None


def read(
    file: str, numbers: Sequence[str], texts: Sequence[str], max_rows: int
) -> dict[str, object]:
    """Return the count of rows, and columns by name.

    A column of numbers is float64 [rows]; one of texts is the lengths [rows] of its cells, and
    their bytes one behind the other.

    Raises:
        DataError: a column has another type, a cell is null or not finite, there are too many
            rows or bytes, or the file is damaged.
    """
    import pyarrow

    parquet = _open(file)
    _check_size(file, parquet, {*numbers, *texts}, max_rows)
    for name in numbers:
        _check_type(file, parquet, name, is_number=True)
    for name in texts:
        _check_type(file, parquet, name, is_number=False)
    number_parts: dict[str, list[Any]] = {name: [np.zeros(0)] for name in numbers}
    text_cells: dict[str, list[bytes]] = {name: [] for name in texts}
    rows = 0
    try:
        for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=[*numbers, *texts]):
            for name, parts in number_parts.items():
                column = batch.column(name)
                _refuse_nulls(file, rows, name, column)
                parts.append(_finite_numbers(file, rows, name, column))
            for name, cells in text_cells.items():
                column = batch.column(name)
                _refuse_nulls(file, rows, name, column)
                cells.extend(_encoded(column))
            rows += len(batch)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: {_summary(error)}; expected a whole Parquet file") from None
    joined = {}
    for name, cells in text_cells.items():
        lengths = np.array([len(cell) for cell in cells], np.int64)
        joined[name] = (lengths, b"".join(cells))
    columns = {name: np.concatenate(parts) for name, parts in number_parts.items()}
    return {"rows": rows, "numbers": columns, "texts": joined}


def _open(file: str) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: {_summary(error)}; expected a Parquet file") from None


def _summary(error: Exception) -> str:
    """Return the first sentence of a message of Arrow."""
    first_line, *_ = f"{error}".splitlines() or ["unreadable"]
    sentence, _, _ = first_line.partition(". ")
    return sentence.rstrip(".")


def _check_size(file: str, parquet: Any, columns: set[str], max_rows: int) -> None:
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


def _check_type(file: str, parquet: Any, name: str, is_number: bool) -> None:
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


def _refuse_nulls(file: str, before: int, name: str, column: Any) -> None:
    """Refuse a batch of a column, with `before` rows before it, if a cell of it is empty."""
    if not column.null_count:
        return
    missing = np.asarray(column.is_null()).nonzero()
    row = before + int(missing[0][0]) + 1
    problem = f"row {row} has no value in the column {name!r}"
    raise DataError(f"{file}: {problem}; expected one in every row")


def _finite_numbers(file: str, before: int, name: str, column: Any) -> Any:
    """Return a batch of a column as float64 [rows]."""
    values = np.asarray(column).astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = before + int(wrong[0]) + 1
        problem = f"row {row} holds '{values[wrong[0]]:g}' in the column {name!r}"
        raise DataError(f"{file}: {problem}; expected a finite number")
    return values


def _encoded(column: Any) -> list[bytes]:
    """Return the cells of a batch of texts or whole numbers as bytes, which may be no UTF-8."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_string(column.type):
        return list(column.cast(pyarrow.binary()).to_pylist())
    if types.is_large_string(column.type):
        return list(column.cast(pyarrow.large_binary()).to_pylist())
    return [str(value).encode() for value in column.to_pylist()]
