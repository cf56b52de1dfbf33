"""Read images and labels from a `.npz` file, or from a folder of `.npy` files.

Uncompressed arrays are memory-mapped; a compressed `.npz` is read into memory. Nothing is
unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers import array_checks, labels, stored_arrays
from edgebake.data.readers.decode import LazyImages, in_color
from edgebake.data.readers.stored_arrays import UNREADABLE, StoredArray
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Data
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.dataset import Examples

    Array = NDArray[Any]  # images uint8, labels integers or texts

# x, x_train, train_images
ARRAY_NAME = re.compile(r"(?:([a-z]+)_)?(x|images|y|labels)(?:_([a-z]+))?")
ROLES = {"x": "images", "images": "images", "y": "labels", "labels": "labels"}
EXPECTED = "expected x and y, or x_train, y_train, x_test, y_test (images and labels for x and y)"
GB = 1e9  # bytes


@dataclass(frozen=True)
class ArrayPair:
    """Images [n, h, w] or [n, h, w, 1 or 3], their labels and further columns [n] or [n, 1]."""

    split: str  # "" if the names of the arrays name none
    images: StoredArray
    labels: StoredArray
    columns: dict[str, StoredArray] = field(default_factory=dict)  # by the name of the column


def find_pairs(
    path: Path, max_gigabytes: float = Data.max_gigabytes, columns: Mapping[str, str] | None = None
) -> list[ArrayPair]:
    """Return the arrays of a .npz file, or of a folder of .npy files, reading headers only.

    Args:
        path: of the file or folder.
        max_gigabytes: that compressed arrays may take in memory.
        columns: names of the arrays with further columns, without a split, by the column.

    Raises:
        DataError: it cannot be read, has no images with labels, or is too large.
    """
    arrays = _stored_arrays(path)
    pairs: list[ArrayPair] = []
    by_split = _by_role(path, arrays)
    for split, by_role in by_split.items():
        pair = _pair(path, split, by_role)
        pair = replace(pair, columns=_columns(path, arrays, pair, columns or {}))
        array_checks.refuse_images(path, pair.images)
        array_checks.refuse_labels(path, pair.labels, pair.images)
        pairs.append(pair)
    _refuse_size(path, pairs, max_gigabytes)
    return pairs


def unused(path: Path, pairs: Sequence[ArrayPair]) -> list[str]:
    """Return the arrays of a file that are in no pair, and other files of a folder."""
    used = set()
    for pair in pairs:
        used |= {array.name for array in (pair.images, pair.labels, *pair.columns.values())}
    names = [f"{name}.npy" for name in _stored_arrays(path) if name not in used]
    if path.is_dir():
        for entry in path.iterdir():
            if entry.is_dir():
                names.append(f"{entry.name}/")
            elif entry.suffix != ".npy":
                names.append(entry.name)
    return sorted(names)


def _stored_arrays(path: Path) -> dict[str, StoredArray]:
    try:
        return stored_arrays.find(path)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        raise DataError(
            f"{path}: cannot be read ({reason}); expected a .npz, or a folder of .npy files"
        ) from None


def load_examples(data: Data, pairs: list[ArrayPair], names: list[str] | None = None) -> Examples:
    """Return the examples of all pairs, one pair after the other.

    Args:
        data: options of the dataset.
        pairs: as `find_pairs` returns them.
        names: of the classes, by their label; None: the labels are the names.

    Raises:
        DataError: a label has no class, or an array is damaged.
    """
    from edgebake.data.dataset import Examples

    images = [_read(data, pair.images) for pair in pairs]
    values: list[Any] = []
    rows: list[tuple[int, int]] = []  # of each example: its pair, and its row there
    splits: list[str] = []
    example_names: list[str] = []
    for number, pair in enumerate(pairs):
        stored_labels = _read(data, pair.labels)
        values += stored_labels.reshape(-1).tolist()
        for row in range(pair.images.shape[0]):
            rows.append((number, row))
            splits.append(pair.split)
            example_names.append(f"{pair.images.name}[{row}]")
    classes, indices = _encode(data, values, names)
    labels.refuse_untrained_classes(data, [classes[index] for index in indices], splits)

    def read(example: int) -> NDArray[np.uint8]:
        number, row = rows[example]
        pixels = images[number][row]
        return in_color(pixels, data.image_color)

    return Examples(
        inputs=LazyImages(len(rows), read),
        labels=np.array(indices, np.int64),
        classes=classes,
        columns=_read_columns(data, pairs),
        names=example_names,
        splits=splits,
    )


def _read_columns(data: Data, pairs: Sequence[ArrayPair]) -> dict[str, list[str]]:
    """Return the further columns of all pairs, one pair after the other."""
    columns: dict[str, list[str]] = {column: [] for column in pairs[0].columns}
    for pair in pairs:
        for column, array in pair.columns.items():
            cells = _read(data, array).reshape(-1).tolist()
            columns[column] += [printable(cell) for cell in cells]
    return columns


def _encode(data: Data, values: list[Any], names: list[str] | None) -> tuple[list[str], list[int]]:
    """Return the classes, and the index of each example's class."""
    if names is None:
        if isinstance(values[0], str):
            return labels.encode_names(data, values)
        return labels.encode_numbers(data, values)
    unknown = [value for value in values if value not in range(len(names))]
    if unknown:
        raise DataError(
            f"{data.title}: the label {unknown[0]!r}; expected 0 to {len(names) - 1}, "
            "one for each class"
        )
    if data.labels:
        return labels.encode_names(data, [names[value] for value in values])
    return names, values


def _refuse_size(path: Path, pairs: Sequence[ArrayPair], max_gigabytes: float) -> None:
    """Refuse arrays that have to be in memory and are too large for it."""
    size = 0
    for pair in pairs:
        arrays = (pair.images, pair.labels, *pair.columns.values())
        size += sum(array.size for array in arrays if array.is_compressed)
    if size > max_gigabytes * GB:
        raise DataError(
            f"{path}: its compressed arrays take {size / GB:,.3g} GB of memory; expected at most "
            f"{max_gigabytes:g}: raise data.max_gigabytes, or save with numpy.savez, whose arrays "
            "stay on disk"
        )


def _by_role(path: Path, arrays: Mapping[str, StoredArray]) -> dict[str, dict[str, StoredArray]]:
    """Return `images` and `labels` of each split that the names of the arrays name."""
    by_split: dict[str, dict[str, StoredArray]] = {}
    for name, array in arrays.items():
        match = ARRAY_NAME.fullmatch(name)
        if match is None:
            continue
        prefix, kind, suffix = match.groups()
        split_name = prefix or suffix
        split = labels.parse_split(split_name) if split_name else ""
        if split is None or (prefix and suffix):
            raise DataError(f"{path}: the name of the array {name} contains no split; {EXPECTED}")
        by_role = by_split.setdefault(split, {})
        role = ROLES[kind]
        if role in by_role:
            rival = by_role[role].name
            raise DataError(f"{path}: {rival} and {name} are both {role}; {EXPECTED}")
        by_role[role] = array
    if not by_split:
        raise DataError(f"{path}: holds {listed(arrays)}; {EXPECTED}")
    return by_split


def _pair(path: Path, split: str, by_role: Mapping[str, StoredArray]) -> ArrayPair:
    if "labels" not in by_role:
        raise DataError(f"{path}: {by_role['images'].name} has no labels; {EXPECTED}")
    if "images" not in by_role:
        raise DataError(f"{path}: {by_role['labels'].name} has no images; {EXPECTED}")
    return ArrayPair(split, by_role["images"], by_role["labels"])


def _columns(
    path: Path, arrays: Mapping[str, StoredArray], pair: ArrayPair, columns: Mapping[str, str]
) -> dict[str, StoredArray]:
    """Return the arrays with further columns of a pair; they name the split as its images do."""
    match = ARRAY_NAME.fullmatch(pair.images.name)
    prefix, _, suffix = match.groups() if match else (None, "", None)
    column_arrays = {}
    for column, origin in columns.items():
        name = "_".join(part for part in (prefix, origin, suffix) if part)
        if name not in arrays:
            hint = f"expected one of: {listed(arrays)}{nearest(name, arrays)}"
            raise DataError(f"{path}: no array {name}, which data.columns.{column} names; {hint}")
        array_checks.refuse_values(path, arrays[name], pair.images, "values")
        column_arrays[column] = arrays[name]
    return column_arrays


def _read(data: Data, array: StoredArray) -> Array:
    try:
        return array.read()
    except UNREADABLE as error:
        raise DataError(
            f"{data.title}: {array.name} is damaged ({error}); expected it as it was saved"
        ) from None
