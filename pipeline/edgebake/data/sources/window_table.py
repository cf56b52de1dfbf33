"""Windows of a signal in a table: a row for each sample, the rows of a window one after another.

Reads `data.path`: a CSV file in UTF-8, or a Parquet file. A column for each channel of
`data.input.options.channels`; other columns name window, label, split and groups, and hold one
value in all rows of a window.
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
from edgebake.errors import DataError
from edgebake.recipe import Data, plugin_options
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

KIND = "signal"
TOOLS = ()
WORDS = ()
LISTS_LABELS = True
OPTIONS_KEY = "data.source_options"
CHANNELS = "data.input.options.channels"


@dataclass
class Options:
    """Options of the source `window_table`: columns of the table, and its size."""

    # Column that names the window of a row.
    window: str = "window"
    # Column with the label.
    label: str = "label"
    # Column with the split; null: as `data.splits.by` says.
    split: str | None = None
    # Further columns, for example `person`, for `data.splits.column` and `slice_accuracy`.
    columns: list[str] = field(default_factory=list)
    # Most rows of the table.
    max_rows: int = 20_000_000


@dataclass(frozen=True)
class Windows:
    """Windows of a table, in its order."""

    names: list[str]
    samples: NDArray[np.float32]  # [windows, samples, channels]
    texts: dict[str, list[str]]  # by column, one value for each window


def count(data: Data) -> dict[str, int]:
    """Return the number of windows by split, `""` for none.

    Raises:
        DataError: the table cannot be read, or lacks a column, or a window differs from the rest.
    """
    windows = _find_windows(data)
    return labels.count_by_split(_splits(data, windows))


def columns(data: Data) -> list[str]:
    """Return the further columns that the recipe names.

    Raises:
        DataError: an option is unknown or wrong.
    """
    options = _options(data)
    return options.columns


def load(data: Data) -> Examples:
    """Return all windows, float32 [samples, channels], all of one length.

    Raises:
        DataError: the table cannot be read, or lacks a column, or a window differs from the rest.
    """
    from edgebake.data.dataset import Examples

    windows = _find_windows(data)
    options = _options(data)
    classes, indices = labels.encode_names(data, windows.texts[options.label])
    return Examples(
        list(windows.samples),
        np.array(indices, np.int64),
        classes,
        columns={name: windows.texts[name] for name in options.columns},
        names=windows.names,
        splits=_splits(data, windows),
    )


def _options(data: Data) -> Options:
    return plugin_options.typed(data.source_options, Options, OPTIONS_KEY)


def _find_windows(data: Data) -> Windows:
    options = _options(data)
    channels = data.input.options.get("channels")
    if not isinstance(channels, list) or not channels:
        raise DataError(f"{CHANNELS}: {channels}; expected the columns of the table with samples")
    modified = 0
    if data.location.is_file():
        modified = data.location.stat().st_mtime_ns
    names = [options.window, options.label, *options.columns]
    if options.split:
        names.append(options.split)
    limits = Limits(options.max_rows, data.max_gigabytes)
    windows = _read(data.location, modified, tuple(channels), tuple(names), limits)
    label_column = windows.texts[options.label]
    splits = _splits(data, windows)
    labels.refuse_untrained_classes(data, label_column, splits)
    return windows


def _splits(data: Data, windows: Windows) -> list[str]:
    """Return the split of each window by the table, `""` for none."""
    options = _options(data)
    cells = windows.texts.get(options.split or "")
    return table_splits.parse(data, cells, windows.names)


@functools.lru_cache(maxsize=2)
def _read(
    file: Path, _: int, channels: tuple[str, ...], names: tuple[str, ...], limits: Limits
) -> Windows:
    """Read the windows of a table; its time of modification tells an edited file apart."""
    table = table_columns.read(file, channels, sorted(set(names)), limits)
    window_column, *_others = names
    starts = _window_starts(table, window_column)
    _refuse_ragged(table, window_column, starts)
    _refuse_changes(table, window_column, starts)
    samples = np.stack([table.numbers[channel] for channel in channels], axis=1)
    texts = {}
    for name, values in table.texts.items():
        texts[name] = [printable(values[start].strip()) for start in starts]
    return Windows(
        names=texts[window_column],
        samples=samples.astype(np.float32).reshape(len(starts), -1, len(channels)),
        texts=texts,
    )


def _window_starts(table: Table, column: str) -> list[int]:
    """Return the index of the first row of each window.

    Raises:
        DataError: the rows of a window are not one after another.
    """
    starts: dict[str, int] = {}
    previous = None
    for index, window in enumerate(table.texts[column]):
        if window == previous:
            continue
        if window in starts:
            raise DataError(
                f"{table.place(index)} is of the window {window!r} again; "
                "expected the rows of a window one after another"
            )
        starts[window] = index
        previous = window
    return list(starts.values())


def _refuse_ragged(table: Table, column: str, starts: list[int]) -> None:
    """Refuse windows of different lengths."""
    ends = [*starts[1:], len(table.rows)]
    first_length = ends[0] - starts[0]
    for start, end in zip(starts, ends, strict=True):
        if end - start != first_length:
            window = table.texts[column][start]
            first = table.texts[column][0]
            raise DataError(
                f"{table.place(start)}: the window {window!r} has {end - start} rows, "
                f"{first!r} has {first_length}; expected as many in every window"
            )


def _refuse_changes(table: Table, column: str, starts: list[int]) -> None:
    """Refuse a window whose rows disagree on label, split or a further column."""
    ends = [*starts[1:], len(table.rows)]
    for name, values in table.texts.items():
        for start, end in zip(starts, ends, strict=True):
            if len(set(values[start:end])) == 1:
                continue
            changed = next(index for index in range(start, end) if values[index] != values[start])
            window = table.texts[column][start]
            raise DataError(
                f"{table.place(changed)} holds {values[changed]!r} in the column {name!r}, the "
                f"window {window!r} began with {values[start]!r}; expected one value in a window"
            )
