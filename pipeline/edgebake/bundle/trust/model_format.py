"""Find foreign content in model files of strangers: archives, programs, and bytes of no field.

Models are not parsed: only the outermost structure of ONNX and Core ML files, which have to end
where their last field ends. A FlatBuffer (.tflite, .ort) does not say where it ends, so bytes
behind it are refused only where they are an archive or a program.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

END_SIGNATURE = b"PK\x05\x06"
END_SIZE = 22
MAX_END = END_SIZE + (1 << 16)  # with the longest comment; tools look no further from the end
FILE_SIGNATURE = b"PK\x03\x04"
ENTRY_SIGNATURE = b"PK\x01\x02"
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP64_LOCATOR_SIZE = 20
LOCAL_SIZE = 30
ENTRY_SIZE = 46
# Headers of programs, long enough that weights do not look like one: by their first bytes, which
# are searched, and by the whole.
PROGRAMS = (
    ("an ELF program", b"\x7fELF", re.compile(rb"\x7fELF[\x01\x02]{2}\x01.{2}\0{7}", re.DOTALL)),
    ("a program for Android", b"dex\n", re.compile(rb"dex\n0\d\d\0")),
    (
        "a Mach-O program",
        b"\xcf\xfa\xed\xfe",
        re.compile(rb"\xcf\xfa\xed\xfe[\x07\x0c]\0\0\x01.{4}[\x01-\x0c]\0{3}", re.DOTALL),
    ),
    (
        "a Mach-O program",
        b"\xca\xfe\xba\xbe",
        re.compile(rb"\xca\xfe\xba\xbe\0{3}[\x01-\x08]\x01\0\0[\x07\x0c]", re.DOTALL),
    ),
    ("a Windows program", b"This program cannot be run in DOS mode", re.compile(b"This program")),
)
PROGRAM_HEADER = 64  # bytes that the patterns match at most
# Numbers of the fields of onnx.ModelProto and CoreML.Specification.Model.
ONNX_FIELDS = frozenset({*range(1, 9), 14, 20, 25, 26})
CORE_ML_FIELDS = frozenset({1, 2, 10, *range(200, 4000)})
PROTOBUF_FIELDS = {".onnx": ONNX_FIELDS, ".mlmodel": CORE_ML_FIELDS}
MAX_FIELDS = 100_000  # on the outermost level; an ONNX model has a few per function
VARINT = 0
FIXED_SIZES = {1: 8, 5: 4}
LENGTH_DELIMITED = 2


@dataclass(frozen=True)
class Attachment:
    """The only archive that a model may end with: one text, as TFLite metadata has it."""

    name: str
    text: bytes

    def archive_size(self) -> int:
        """Return the size of a zip that stores this text and nothing else."""
        names = 2 * len(self.name.encode())
        return LOCAL_SIZE + ENTRY_SIZE + END_SIZE + names + len(self.text)


def find_problem(file: Path, attachment: Attachment | None = None) -> str | None:
    """Return what a model file contains besides a model, if anything.

    Args:
        file: of a format that its suffix names.
        attachment: the text that it may carry in an archive behind it.
    """
    if file.stat().st_size == 0:
        return "empty; expected a model"
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        fields = PROTOBUF_FIELDS.get(file.suffix)
        if fields and not _is_protobuf(data, fields):
            return "has bytes that are no field of a model of this format"
        # A format of a project's runtime may be an archive; first bytes of ours are others.
        is_archive = data[:4] == FILE_SIGNATURE
        start = None if is_archive else _archive_start(data)
        if start is not None and not _is_attachment(data, start, attachment):
            return "has a zip behind the model; expected the model alone"
        program = _program(data)
        if program:
            return f"has {program} inside; expected the model alone"
    return None


def _is_protobuf(data: mmap.mmap, numbers: frozenset[int]) -> bool:
    """Return whether a file consists of known fields of a message, from first to last byte."""
    position = 0
    for _ in range(MAX_FIELDS):
        if position == len(data):
            return True
        try:
            tag, position = _varint(data, position)
            if tag >> 3 not in numbers:
                return False
            position = _field_end(data, position, tag & 7)
        except ValueError:
            return False
        if position > len(data):
            return False
    return False


def _field_end(data: mmap.mmap, position: int, wire_type: int) -> int:
    """Return where the value of a field ends.

    Raises:
        ValueError: the wire type is unknown, or a number has no end.
    """
    if wire_type == VARINT:
        _, end = _varint(data, position)
        return end
    if wire_type == LENGTH_DELIMITED:
        length, start = _varint(data, position)
        return start + length
    if wire_type in FIXED_SIZES:
        return position + FIXED_SIZES[wire_type]
    raise ValueError(f"wire type {wire_type}")


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    """Return a number of protobuf, base 128, and the position after it."""
    value = 0
    for index, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number without an end")


def _archive_start(data: mmap.mmap) -> int | None:
    """Return where the directory of a zip begins that unpacking tools find in a file."""
    for position in _occurrences(data, END_SIGNATURE, max(0, len(data) - MAX_END)):
        end = data[position : position + END_SIZE]
        if len(end) < END_SIZE:
            continue
        (size,) = struct.unpack_from("<L", end, 12)
        directory: int = position - size
        if directory >= 0 and data[directory : directory + 4] == ENTRY_SIGNATURE:
            return directory
        locator = position - ZIP64_LOCATOR_SIZE
        if locator >= 0 and data[locator : locator + 4] == ZIP64_LOCATOR:
            return locator
    return None


def _is_attachment(data: mmap.mmap, directory: int, attachment: Attachment | None) -> bool:
    """Return whether a zip at the end of a file stores the expected text and nothing else."""
    if attachment is None:
        return False
    name = attachment.name.encode()
    start = len(data) - attachment.archive_size()
    text_start = start + LOCAL_SIZE + len(name)
    return (
        start > 0
        and data[start : start + 4] == FILE_SIGNATURE
        and data[start + LOCAL_SIZE : text_start] == name
        and data[text_start:directory] == attachment.text
        and data[directory + ENTRY_SIZE :].startswith(name)
    )


def _program(data: mmap.mmap) -> str | None:
    for description, first_bytes, header in PROGRAMS:
        for position in _occurrences(data, first_bytes, 0):
            if header.match(data[position : position + PROGRAM_HEADER]):
                return description
    return None


def _occurrences(data: mmap.mmap, text: bytes, start: int) -> Iterator[int]:
    """Yield the positions of a text in a file."""
    position = data.find(text, start)
    while position != -1:
        yield position
        position = data.find(text, position + 1)
