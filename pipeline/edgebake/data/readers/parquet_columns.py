"""Read columns of a Parquet file with pyarrow, in a child process with limits.

pyarrow ends the process that reads some damaged files. Source of the format:
https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from edgebake.child_process.child import Subject, run
from edgebake.child_process.limits import Limits
from edgebake.data.readers import parquet_parts
from edgebake.data.readers.table_cells import Cells
from edgebake.errors import DataError, HostError
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

UNIT = "row"
LIMITS = Limits(memory_gib=16, seconds=600, file_mib=1)
EXPECTED = f"expected a Parquet file that is read with {LIMITS.memory_gib} GiB"


def names(file: Path) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: the file is no Parquet file.
        HostError: pyarrow is not installed.
    """
    columns: list[str] = _run(file, parquet_parts.names, str(file))
    return columns


def read(file: Path, numbers: Sequence[str], texts: Sequence[str], max_rows: int) -> Cells:
    """Return some columns.

    Raises:
        DataError: a column has another type, a cell is null or not finite, there are too many
            rows or bytes, or the file is damaged.
        HostError: pyarrow is not installed.
    """
    arguments = (str(file), list(numbers), list(texts), max_rows)
    parts = _run(file, parquet_parts.read, *arguments)
    text_columns = {}
    for name, (lengths, content) in parts["texts"].items():
        text_columns[name] = _texts(file, name, lengths, content)
    rows = range(1, parts["rows"] + 1)
    return Cells(rows, parts["numbers"], text_columns)


def _run(file: Path, function: Any, *arguments: object) -> Any:
    if importlib.util.find_spec("pyarrow") is None:
        raise HostError(
            f"pyarrow: not installed; expected it for {file}: install the extra `tables`, "
            "or write the table as CSV"
        )
    subject = Subject(printable(file), "pyarrow", DataError, EXPECTED)
    return run(LIMITS, subject, function, *arguments)


def _texts(file: Path, name: str, lengths: NDArray[np.int64], content: bytes) -> list[str]:
    """Return the cells of a column: texts [rows], of UTF-8 of these lengths."""
    texts = []
    start = 0
    for row, length in enumerate(lengths.tolist(), start=1):
        end = start + length
        cell = content[start:end]
        start = end
        try:
            text = cell.decode()
        except UnicodeDecodeError:
            problem = f"row {row} is not UTF-8 in the column {name!r}"
            raise DataError(f"{file}: {problem}; expected texts in UTF-8") from None
        if not text.strip():
            problem = f"row {row} has no value in the column {name!r}"
            raise DataError(f"{file}: {problem}; expected one in every row")
        texts.append(text)
    return texts
