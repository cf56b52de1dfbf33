"""Arrays of images and labels in, `.npy` files or a `.npz`, examples out.

Of arrays that lie on the disk as they are, only the images that are asked for are read; a compressed .npz is held in
memory. Nothing is unpickled.
"""

from __future__ import annotations

import functools
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
    from edgebake.data.dataset import Examples

ROLE = re.compile(r"(?:([a-z]+)_)?(x|images|y|labels)(?:_([a-z]+))?")  # x, x_train, train_images
EXPECTED = "expected x and y, or x_train, y_train, x_test, y_test (images and labels for x and y)"
LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of name and extra: 4.3.7 of PKWARE's APPNOTE.TXT
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Stored:
    """An array on the disk, known by its head alone."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    read: Callable[[], Any]


@dataclass(frozen=True)
class Pair:
    """Images and their labels."""

    split: str  # "" where the names say none
    images: Stored
    labels: Stored


def pairs(path: Path) -> list[Pair]:
    """Return what a .npz, or a folder of .npy files, holds; only heads are read.

    Raises:
        DataError: it cannot be read, or has no images with labels.
    """
    try:
        stored = _in_folder(path) if path.is_dir() else _in_archive(path)
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, struct.error) as error:
        why = (
            error.strerror
            if isinstance(error, OSError) and error.strerror
            else " ".join(str(error).split())
        )
        raise DataError(
            f"{path}: cannot be read ({why}); expected a .npz, or a folder of .npy files"
        ) from None
    found = [_pair(path, split, held) for split, held in _roles(path, stored).items()]
    for pair in found:
        _refuse_images(path, pair.images)
        _refuse_labels(path, pair)
    return found


def examples(data: Data, found: list[Pair], names: list[str] | None = None) -> Examples:
    """Return pairs as examples, one after the other.

    Args:
        data: the recipe's words.
        found: what `pairs` returned.
        names: of the classes, in the order of their numbers; none: the labels name them.

    Raises:
        DataError: the labels do not fit, or an array is damaged.
    """
    from edgebake.data.dataset import Examples

    arrays = [_checked(data, pair.images) for pair in found]
    values = [value for pair in found for value in _checked(data, pair.labels).reshape(-1).tolist()]
    classes, numbers = _classes(data, values, names)
    splits = [pair.split for pair in found for _ in range(pair.images.shape[0])]
    labels.refuse_unlearned(data, [classes[number] for number in numbers], splits)
    places = [(part, row) for part, array in enumerate(arrays) for row in range(len(array))]

    def read(number: int) -> Any:
        part, row = places[number]
        return in_color(arrays[part][row], data.color)

    return Examples(
        images=LazyImages(len(places), read),
        labels=np.array(numbers, np.int64),
        classes=classes,
        names=[
            f"{pair.images.name}[{row}]" for pair in found for row in range(pair.images.shape[0])
        ],
        splits=splits,
    )


def _classes(data: Data, values: list[Any], names: list[str] | None) -> tuple[list[str], list[int]]:
    """Return the classes, and the number of each example's, as `labels` does."""
    if names is None:
        return (
            labels.from_names(data, values)
            if isinstance(values[0], str)
            else labels.from_numbers(data, values)
        )
    if wrong := [value for value in values if value not in range(len(names))]:
        raise DataError(
            f"{data.title}: the label {wrong[0]!r}; expected 0 to {len(names) - 1}, one for each class"
        )
    return (
        labels.from_names(data, [names[value] for value in values])
        if data.labels
        else (names, values)
    )


def _in_folder(folder: Path) -> dict[str, Stored]:

    found = {}
    for file in sorted(folder.glob("*.npy")):
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        found[file.stem] = Stored(
            file.stem, array.shape, array.dtype, functools.partial(_same, array)
        )
    return found


def _same(array: Any) -> Any:
    return array


def _in_archive(file: Path) -> dict[str, Stored]:
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        return {member.filename[:-4]: _member(file, archive, member) for member in members}


def _member(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Stored:

    name = member.filename[:-4]
    with archive.open(member) as content:
        shape, is_fortran, dtype = _head(content)
        start = content.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which would have to be unpickled")

    def read() -> Any:
        with zipfile.ZipFile(file) as again, again.open(member) as content:
            if member.compress_type != zipfile.ZIP_STORED:
                return np.lib.format.read_array(content, allow_pickle=False)
            while content.read(CHUNK):  # to its end, where zipfile compares the checksum
                pass
        order = "F" if is_fortran else "C"
        return np.memmap(file, dtype, "r", _offset(file, member) + start, shape, order)  # type: ignore[call-overload]

    return Stored(name, shape, dtype, read)


def _head(content: IO[bytes]) -> Any:
    """Return shape, whether in Fortran's order, and dtype of a .npy."""
    from numpy.lib import format as npy

    version = npy.read_magic(content)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of .npy")
    return (
        npy.read_array_header_1_0(content)
        if version == (1, 0)
        else npy.read_array_header_2_0(content)
    )


def _offset(file: Path, member: zipfile.ZipInfo) -> int:
    """Return where in the file a member's bytes start."""
    with file.open("rb") as archive:
        archive.seek(member.header_offset)
        name, extra = LOCAL_HEADER.unpack(archive.read(LOCAL_HEADER.size))
    return member.header_offset + LOCAL_HEADER.size + int(name) + int(extra)


def _roles(path: Path, stored: Mapping[str, Stored]) -> dict[str, dict[str, Stored]]:
    """Return images and labels by the split that their names say."""
    found: dict[str, dict[str, Stored]] = {}
    for name, array in stored.items():
        role = ROLE.fullmatch(name)
        if role is None:
            continue
        word = role[1] or role[3]
        split = labels.split_of(word) if word else ""
        if split is None or (role[1] and role[3]):
            raise DataError(f"{path}: the array {name} names no split; {EXPECTED}")
        held = found.setdefault(split, {})
        what = "images" if role[2] in ("x", "images") else "labels"
        if what in held:
            raise DataError(f"{path}: {held[what].name} and {name} are both {what}; {EXPECTED}")
        held[what] = array
    if not found:
        raise DataError(f"{path}: holds {listed(stored)}; {EXPECTED}")
    return found


def _pair(path: Path, split: str, held: dict[str, Stored]) -> Pair:
    if len(held) < 2:
        (what, array), *_ = held.items()
        raise DataError(
            f"{path}: {array.name} has no {'labels' if what == 'images' else 'images'}; {EXPECTED}"
        )
    return Pair(split, held["images"], held["labels"])


def _refuse_images(path: Path, images: Stored) -> None:
    where, shape = f"{path}: {images.name}", images.shape
    if images.dtype.kind == "f":
        array = images.read()
        held = f"from {array.min():g} to {array.max():g}" if array.size else "empty"
        mend = (
            "save (x * 255).round().astype('uint8')"
            if array.size and array.max() <= 1
            else "save x.astype('uint8')"
        )
        raise DataError(f"{where} is {images.dtype}, {held}; expected uint8 from 0 to 255: {mend}")
    if images.dtype.str != "|u1":
        raise DataError(f"{where} is {images.dtype}; expected uint8 from 0 to 255")
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        raise DataError(
            f"{where} is {_text(shape)}; expected the channels last: save x.transpose(0, 2, 3, 1)"
        )
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)) or 0 in shape:
        raise DataError(
            f"{where} is {_text(shape)}; expected [n, height, width], [n, ..., 1] or [n, ..., 3], n 1 or more"
        )


def _refuse_labels(path: Path, pair: Pair) -> None:
    array, shape = pair.labels, pair.labels.shape
    where = f"{path}: {array.name}"
    if len(shape) == 2 and shape[1] > 1:
        raise DataError(
            f"{where} is {_text(shape)}, one-hot; expected one number each: save {array.name}.argmax(axis=1)"
        )
    if len(shape) not in (1, 2):
        raise DataError(f"{where} is {_text(shape)}; expected [n]")
    if array.dtype.kind not in "iuU":
        raise DataError(f"{where} is {array.dtype}; expected whole numbers or texts")
    if shape[0] != pair.images.shape[0]:
        raise DataError(
            f"{where} has {shape[0]} labels; expected {pair.images.shape[0]}, as {pair.images.name} has images"
        )


def _checked(data: Data, array: Stored) -> Any:
    try:
        return array.read()
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{data.title}: {array.name} is damaged ({error}); expected it as it was saved"
        ) from None


def _text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"
