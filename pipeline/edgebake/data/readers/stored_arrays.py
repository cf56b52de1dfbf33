"""Find arrays in a `.npz` file or in a folder of `.npy` files, reading headers only.

A header is checked against the size of the file before anything is allocated. Nothing is unpickled.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from edgebake.data.readers import links

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]  # images uint8, labels integers or texts

LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of name and extra: 4.3.7 of PKWARE's APPNOTE.TXT
CHUNK = 1 << 20  # bytes
# What zipfile and NumPy raise for damaged files.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class StoredArray:
    """An array on disk, of which only the header is read."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_compressed: bool  # and therefore read into memory as a whole
    read: Callable[[], Array]

    @property
    def size(self) -> int:
        """Return the number of bytes in memory."""
        count = math.prod(self.shape)
        return count * self.dtype.itemsize


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]
    size: int  # of the header itself, in bytes


def find(path: Path) -> dict[str, StoredArray]:
    """Return the arrays of a .npz file, or of a folder of .npy files, by name.

    Raises:
        DataError: a file is a link out of the folder, or no file.
        UNREADABLE: a file is damaged.
    """
    if not path.is_dir():
        links.refuse_special(path)
        return _arrays_of_archive(path)
    arrays = {}
    for file in sorted(path.glob("*.npy")):
        links.refuse_special(file)
        links.refuse_outside(file, path)
        arrays[file.stem] = _memory_mapped(file)
    return arrays


def _memory_mapped(file: Path) -> StoredArray:
    with file.open("rb") as content:
        file_size = file.stat().st_size
        header = _read_header(file.stem, content, file_size)
    array = np.load(file, mmap_mode="r", allow_pickle=False)
    return StoredArray(
        file.stem, header.shape, header.dtype, is_compressed=False, read=lambda: array
    )


def _arrays_of_archive(file: Path) -> dict[str, StoredArray]:
    arrays: dict[str, StoredArray] = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            array = _array_of_member(file, archive, member)
            if array.name in arrays:
                raise ValueError(f"{array.name} is there twice")
            arrays[array.name] = array
    return arrays


def _array_of_member(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    name = member.filename.removesuffix(".npy")
    is_compressed = member.compress_type != zipfile.ZIP_STORED
    with archive.open(member) as content:
        header = _read_header(name, content, member.file_size)

    def read() -> Array:
        with zipfile.ZipFile(file) as reopened, reopened.open(member) as content:
            if is_compressed:
                array: Array = np.lib.format.read_array(content, allow_pickle=False)
                return array
            while content.read(CHUNK):  # to the end, where zipfile checks the checksum
                pass
        offset = _content_offset(file, member) + header.size
        order = "C"
        if header.is_fortran:
            order = "F"
        layout: Any = {"offset": offset, "shape": header.shape, "order": order}
        return np.memmap(file, header.dtype, mode="r", **layout)

    return StoredArray(name, header.shape, header.dtype, is_compressed, read)


def _read_header(name: str, content: IO[bytes], file_size: int) -> _Header:
    """Read the header of a .npy.

    Raises:
        ValueError: it promises more bytes than the file has.
    """
    from numpy.lib import format as npy

    version = npy.read_magic(content)
    if version == (1, 0):
        shape, is_fortran, dtype = npy.read_array_header_1_0(content)
    elif version == (2, 0):
        shape, is_fortran, dtype = npy.read_array_header_2_0(content)
    else:
        major, minor = version
        raise ValueError(f"version {major}.{minor} of .npy")
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which would have to be unpickled")
    if any(size < 0 for size in shape):
        raise ValueError(f"{name} has a negative size")
    header_size = content.tell()
    content_size = math.prod(shape) * dtype.itemsize
    promised = header_size + content_size
    if promised > file_size:
        raise ValueError(f"{name} has {file_size:,} bytes, and its header promises {promised:,}")
    return _Header(shape, is_fortran, dtype, header_size)


def _content_offset(file: Path, member: zipfile.ZipInfo) -> int:
    """Return the position of a member's content in the archive, in bytes."""
    with file.open("rb") as archive:
        archive.seek(member.header_offset)
        local_header = archive.read(LOCAL_HEADER.size)
    name_size, extra_size = LOCAL_HEADER.unpack(local_header)
    header_end = member.header_offset + LOCAL_HEADER.size
    return header_end + int(name_size) + int(extra_size)
