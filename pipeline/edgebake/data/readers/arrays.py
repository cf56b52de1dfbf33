"""Read images and labels from a `.npz` file, or from a folder of `.npy` files.

Uncompressed arrays are memory-mapped; a compressed `.npz` is read into memory. Nothing is
unpickled.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers import labels
from edgebake.data.readers.decode import LazyImages, in_color
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
LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of name and extra: 4.3.7 of PKWARE's APPNOTE.TXT
CHUNK = 1 << 20  # bytes
UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile)  # damaged files


@dataclass(frozen=True)
class StoredArray:
    """An array on disk, of which only the header is read."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Array]


@dataclass(frozen=True)
class ArrayPair:
    """Images [n, h, w] or [n, h, w, 1 or 3], and their labels [n] or [n, 1]."""

    split: str  # "" if the names of the arrays name none
    images: StoredArray
    labels: StoredArray


def find_pairs(path: Path) -> list[ArrayPair]:
    """Return the arrays of a .npz file, or of a folder of .npy files, reading headers only.

    Raises:
        DataError: it cannot be read, or has no images with labels.
    """
    try:
        arrays = _stored_arrays(path)
    except (*UNREADABLE, struct.error) as error:
        reason = " ".join(str(error).split())
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        raise DataError(
            f"{path}: cannot be read ({reason}); expected a .npz, or a folder of .npy files"
        ) from None
    pairs: list[ArrayPair] = []
    for split, by_role in _by_role(path, arrays).items():
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


def _stored_arrays(path: Path) -> dict[str, StoredArray]:
    if not path.is_dir():
        return _arrays_of_archive(path)
    files = sorted(path.glob("*.npy"))
    return {file.stem: _memory_mapped(file) for file in files}


def _memory_mapped(file: Path) -> StoredArray:
    array = np.load(file, mmap_mode="r", allow_pickle=False)
    return StoredArray(file.stem, array.shape, array.dtype, lambda: array)


def _arrays_of_archive(file: Path) -> dict[str, StoredArray]:
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                array = _array_of_member(file, archive, member)
                arrays[array.name] = array
    return arrays


def _array_of_member(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as content:
        shape, is_fortran, dtype = _read_header(content)
        header_size = content.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which would have to be unpickled")

    def read() -> Array:
        with zipfile.ZipFile(file) as reopened, reopened.open(member) as content:
            if member.compress_type != zipfile.ZIP_STORED:
                array: Array = np.lib.format.read_array(content, allow_pickle=False)
                return array
            while content.read(CHUNK):  # to the end, where zipfile checks the checksum
                pass
        offset = _content_offset(file, member) + header_size
        layout: Any = {"offset": offset, "shape": shape, "order": "F" if is_fortran else "C"}
        return np.memmap(file, dtype, mode="r", **layout)

    return StoredArray(name, shape, dtype, read)


def _read_header(content: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether in Fortran's order, and dtype of a .npy."""
    from numpy.lib import format as npy

    version = npy.read_magic(content)
    if version == (1, 0):
        return npy.read_array_header_1_0(content)
    if version == (2, 0):
        return npy.read_array_header_2_0(content)
    raise ValueError(f"version {version[0]}.{version[1]} of .npy")


def _content_offset(file: Path, member: zipfile.ZipInfo) -> int:
    """Return the position of a member's content in the archive, in bytes."""
    with file.open("rb") as archive:
        archive.seek(member.header_offset)
        name_size, extra_size = LOCAL_HEADER.unpack(archive.read(LOCAL_HEADER.size))
    return member.header_offset + LOCAL_HEADER.size + int(name_size) + int(extra_size)


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
    except (*UNREADABLE, zlib.error) as error:
        raise DataError(
            f"{data.title}: {array.name} is damaged ({error}); expected it as it was saved"
        ) from None


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"
