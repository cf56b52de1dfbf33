"""Labeled texts in a table: a row for each.

Reads `data.path`: a CSV file in UTF-8, or a Parquet file, with a column for the text and one for
the label; other columns can name splits and groups.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.data.readers import columns as table_columns
from edgebake.data.readers import labels, table_splits
from edgebake.data.readers.columns import Limits, Table
from edgebake.recipe import Data, plugin_options
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

KIND = "text"
TOOLS = ()
WORDS = ()
LISTS_LABELS = True
OPTIONS_KEY = "data.source_options"


@dataclass
class Options:
    """Options of the source `text_table`: columns of the table, and its size."""

    # Column with the text.
    text: str = "text"
    # Column with the label.
    label: str = "label"
    # Column with the split; null: as `data.splits.by` says.
    split: str | None = None
    # Further columns, for example `author`, for `data.splits.column` and `slice_accuracy`.
    columns: list[str] = field(default_factory=list)
    # Most rows of the table.
    max_rows: int = 2_000_000


def count(data: Data) -> dict[str, int]:
    """Return the number of texts by split, `""` for none.

    Raises:
        DataError: the table cannot be read, or lacks a column, or a cell is empty.
    """
    return labels.count_by_split(_splits(data, _find_texts(data)))


def columns(data: Data) -> list[str]:
    """Return the further columns that the recipe names.

    Raises:
        DataError: an option is unknown or wrong.
    """
    options = _options(data)
    return options.columns


def load(data: Data) -> Examples:
    """Return all texts.

    Raises:
        DataError: the table cannot be read, or lacks a column, or a cell is empty.
    """
    from edgebake.data.dataset import Examples

    table = _find_texts(data)
    options = _options(data)
    names = _values(table, options.label)
    classes, indices = labels.encode_names(data, names)
    return Examples(
        table.texts[options.text],
        np.array(indices, np.int64),
        classes,
        columns={name: _values(table, name) for name in options.columns},
        names=_names(table),
        splits=_splits(data, table),
    )


def _names(table: Table) -> list[str]:
    """Return a name for each text: its row."""
    return [f"{table.unit} {row}" for row in table.rows]


def _values(table: Table, column: str) -> list[str]:
    """Return the cells of a column for files and terminals: visible characters alone."""
    return [printable(cell.strip()) for cell in table.texts[column]]


def _options(data: Data) -> Options:
    return plugin_options.typed(data.source_options, Options, OPTIONS_KEY)


def _find_texts(data: Data) -> Table:
    options = _options(data)
    modified = 0
    if data.location.is_file():
        modified = data.location.stat().st_mtime_ns
    names = {options.text, options.label, *options.columns}
    if options.split:
        names.add(options.split)
    limits = Limits(options.max_rows, data.max_gigabytes)
    columns_read = tuple(sorted(names))
    table = _read(data.location, modified, columns_read, limits)
    label_column = _values(table, options.label)
    splits = _splits(data, table)
    labels.refuse_untrained_classes(data, label_column, splits)
    return table


def _splits(data: Data, table: Table) -> list[str]:
    """Return the split of each text by the table, `""` for none."""
    options = _options(data)
    cells = table.texts.get(options.split or "")
    return table_splits.parse(data, cells, _names(table))


@functools.lru_cache(maxsize=2)
def _read(file: Path, _: int, names: tuple[str, ...], limits: Limits) -> Table:
    """Read a table; its time of modification tells an edited file apart."""
    return table_columns.read(file, [], names, limits)
