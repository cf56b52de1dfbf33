"""Read images and labels from a `.npz` file, or from a folder of `.npy` files.

Uncompressed arrays are memory-mapped; a compressed `.npz` is read into memory. Nothing is
unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers import labels, stored_arrays
from edgebake.data.readers.decode import LazyImages, in_color
from edgebake.data.readers.stored_arrays import UNREADABLE, StoredArray
from edgebake.errors import DataError, listed
from edgebake.recipe import Data

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
    """Images [n, h, w] or [n, h, w, 1 or 3], and their labels [n] or [n, 1]."""

    split: str  # "" if the names of the arrays name none
    images: StoredArray
    labels: StoredArray


def find_pairs(path: Path, max_gigabytes: float = Data.max_gigabytes) -> list[ArrayPair]:
    """Return the arrays of a .npz file, or of a folder of .npy files, reading headers only.

    Args:
        path: of the file or folder.
        max_gigabytes: that compressed arrays may take in memory.

    Raises:
        DataError: it cannot be read, has no images with labels, or is too large.
    """
    try:
        arrays = stored_arrays.find(path)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        raise DataError(
            f"{path}: cannot be read ({reason}); expected a .npz, or a folder of .npy files"
        ) from None
    pairs: list[ArrayPair] = []
    by_split = _by_role(path, arrays)
    _refuse_size(path, by_split, max_gigabytes)
    for split, by_role in by_split.items():
        pair = _pair(path, split, by_role)
        _refuse_images(path, pair.images)
        _refuse_labels(path, pair)
        pairs.append(pair)
    return pairs


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
        return in_color(pixels, data.color)

    return Examples(
        images=LazyImages(len(rows), read),
        labels=np.array(indices, np.int64),
        classes=classes,
        names=example_names,
        splits=splits,
    )


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


def _refuse_size(
    path: Path, by_split: Mapping[str, Mapping[str, StoredArray]], max_gigabytes: float
) -> None:
    """Refuse arrays that have to be in memory and are too large for it."""
    size = 0
    for by_role in by_split.values():
        size += sum(array.size for array in by_role.values() if array.is_compressed)
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


def _refuse_images(path: Path, images: StoredArray) -> None:
    subject = f"{path}: {images.name} is"
    shape = images.shape
    if images.dtype.kind == "f":
        raise DataError(f"{subject} {images.dtype}, {_describe_floats(images)}")
    if images.dtype.str != "|u1":
        raise DataError(f"{subject} {images.dtype}; expected uint8 from 0 to 255")
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        raise DataError(
            f"{subject} {_shape(shape)}; expected the channels last: save x.transpose(0, 2, 3, 1)"
        )
    has_channels = len(shape) == 4 and shape[3] in (1, 3)
    if (len(shape) != 3 and not has_channels) or 0 in shape:
        raise DataError(
            f"{subject} {_shape(shape)}; "
            "expected [n, height, width], [n, ..., 1] or [n, ..., 3], n 1 or more"
        )


def _describe_floats(images: StoredArray) -> str:
    """Return the range of float images, and how to save them as pixels."""
    array = images.read()
    values = "empty"
    hint = "save x.astype('uint8')"
    if array.size:
        values = f"from {array.min():g} to {array.max():g}"
        if array.max() <= 1:
            hint = "save (x * 255).round().astype('uint8')"
    return f"{values}; expected uint8 from 0 to 255: {hint}"


def _refuse_labels(path: Path, pair: ArrayPair) -> None:
    array, shape = pair.labels, pair.labels.shape
    subject = f"{path}: {array.name}"
    if len(shape) == 2 and shape[1] > 1:
        raise DataError(
            f"{subject} is {_shape(shape)}, one-hot; "
            f"expected one number each: save {array.name}.argmax(axis=1)"
        )
    if len(shape) not in (1, 2):
        raise DataError(f"{subject} is {_shape(shape)}; expected [n]")
    if array.dtype.kind not in "iuU":
        raise DataError(f"{subject} is {array.dtype}; expected whole numbers or texts")
    count = pair.images.shape[0]
    if shape[0] != count:
        raise DataError(
            f"{subject} has {shape[0]} labels; expected {count}, as {pair.images.name} has images"
        )


def _read(data: Data, array: StoredArray) -> Array:
    try:
        return array.read()
    except UNREADABLE as error:
        raise DataError(
            f"{data.title}: {array.name} is damaged ({error}); expected it as it was saved"
        ) from None


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"
