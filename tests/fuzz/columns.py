"""Parsers of tables of signals and texts, and of translations."""

import io
from pathlib import Path

import pyarrow
from pyarrow import parquet

from edgebake.data.readers import columns, parquet_parts, po_files
from edgebake.data.readers.columns import Limits
from edgebake.errors import EdgebakeError
from tests.fuzz import mutations
from tests.fuzz.target import Target, file_parser

LIMITS = Limits(rows=10_000, gigabytes=0.1)


def _read(path: Path) -> object:
    return columns.read(path, ["ax"], ["label"], LIMITS)


def _read_parts(path: Path) -> object:
    """Read what edgebake reads in a child process."""
    parquet_parts.names(str(path))
    return parquet_parts.read(str(path), ["ax"], ["label"], LIMITS.rows)


def _parquet_files() -> list[bytes]:
    numbers = [number / 7 for number in range(200)]
    texts = ["tap", "rest"] * 100
    table = pyarrow.table({"ax": numbers, "label": texts, "more": texts})
    files = []
    for compression in ("none", "snappy", "zstd"):
        stream = io.BytesIO()
        parquet.write_table(table, stream, compression=compression)
        files.append(stream.getvalue())
    return files


TARGETS = [
    Target(
        "csv columns",
        lambda: [b'ax,label\n1.5,tap\n-2e3,rest\n0,"a b"\n'],
        file_parser("x.csv", _read),
        mutate=mutations.change_text,
    ),
    Target(
        "parquet columns",
        _parquet_files,
        file_parser("x.parquet", _read_parts),
        # Other errors than a refusal are one in the parent.
        refusals=(EdgebakeError, KeyError, UnicodeDecodeError),
        in_child=True,
    ),
    Target(
        "translations",
        lambda: [b'msgid "a"\nmsgstr "b"\n\n#, fuzzy\nmsgid ""\n"c\\n"\nmsgstr[0] "d"\n'],
        file_parser("x.po", po_files.read),
        mutate=mutations.change_text,
    ),
]
