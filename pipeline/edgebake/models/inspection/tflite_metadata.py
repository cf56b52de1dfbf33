"""Read labels, normalization and colors from TFLite metadata.

Slots of the tables: tensorflow_lite_support/metadata/metadata_schema.fbs of
https://github.com/tensorflow/tflite-support
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from edgebake.models.inspection.model_info import PixelScaling

if TYPE_CHECKING:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

BUFFER = "TFLITE_METADATA"
COLORS = {1: "rgb", 2: "grayscale"}  # members of the enumeration ColorSpaceType
# Members of the unions ContentProperties and ProcessUnitOptions.
IMAGE, NORMALIZATION = 2, 1
MAX_CHANNELS = 4
MAX_LABEL_BYTES = 2**20  # of a file of labels
# Exceptions of an archive that is damaged, encrypted, or of another kind than text.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OSError)
# Slots of ModelMetadata.
TEXTS = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5}
SUBGRAPHS = 3
# Slots of other tables, each named after its table.
SUBGRAPH_INPUTS = 2
TENSOR_CONTENT, TENSOR_PROCESS_UNITS = 3, 4
CONTENT_TYPE, CONTENT_PROPERTIES = 0, 1
IMAGE_COLOR_SPACE = 0
PROCESS_UNIT_TYPE, PROCESS_UNIT_OPTIONS = 0, 1
NORMALIZATION_MEAN, NORMALIZATION_STD = 0, 1


@dataclass(frozen=True)
class TfliteMetadata:
    """Metadata that its author wrote for apps."""

    pixel_scaling: PixelScaling | None = None
    color: str | None = None
    labels: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)


def read(content: bytes, model: schema.ModelT) -> TfliteMetadata:
    """Return the metadata of a .tflite file; empty if it has none.

    Args:
        content: the file, with a zip archive of labels behind the model.
        model: the same file, parsed.

    Raises:
        ValueError: the metadata are damaged.
    """
    labels = _labels(content)
    try:
        return _read_tables(model, labels)
    except (struct.error, IndexError, TypeError):  # an offset that names no byte of the table
        raise ValueError("its metadata are damaged") from None


def _read_tables(model: schema.ModelT, labels: tuple[str, ...]) -> TfliteMetadata:
    root = _root(model)
    if root is None:
        return TfliteMetadata(labels=labels)
    texts: dict[str, str] = {}
    for key, slot in TEXTS.items():
        value = root.text(slot)
        if value:
            texts[key] = value
    image = _first_input(root)
    if image is None:
        return TfliteMetadata(labels=labels, texts=texts)
    return TfliteMetadata(
        pixel_scaling=_pixel_scaling(image), color=_color(image), labels=labels, texts=texts
    )


def text(value: bytes | str | None) -> str:
    """Return a text of a FlatBuffers table, empty if it is missing."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value or ""


def _root(model: schema.ModelT) -> _Table | None:
    """Return the table ModelMetadata; None if the file has no metadata."""
    from flatbuffers import encode, number_types, table

    for entry in model.metadata or []:
        if text(entry.name) == BUFFER:
            buffer = model.buffers[entry.buffer]
            data = bytearray(buffer.data if buffer.data is not None else b"")
            offset_type = number_types.UOffsetTFlags.packer_type
            start = encode.Get(offset_type, data, 0)
            return _Table(table.Table(data, start))
    return None


def _first_input(root: _Table) -> _Table | None:
    for graph in root.tables(SUBGRAPHS):
        for tensor in graph.tables(SUBGRAPH_INPUTS):
            return tensor
    return None


def _pixel_scaling(image: _Table) -> PixelScaling | None:
    for unit in image.tables(TENSOR_PROCESS_UNITS):
        options = unit.table(PROCESS_UNIT_OPTIONS)
        if unit.byte(PROCESS_UNIT_TYPE) != NORMALIZATION or options is None:
            continue
        mean = options.floats(NORMALIZATION_MEAN)
        deviations = options.floats(NORMALIZATION_STD)
        if mean and deviations and all(deviations):
            scale = tuple(1 / deviation for deviation in deviations)
            if not all(math.isfinite(value) for value in (*mean, *scale)):
                return None
            return PixelScaling(mean, scale, "from its metadata")
    return None


def _color(image: _Table) -> str | None:
    content = image.table(TENSOR_CONTENT)
    if content is None or content.byte(CONTENT_TYPE) != IMAGE:
        return None
    properties = content.table(CONTENT_PROPERTIES)
    if properties is None:
        return None
    return COLORS.get(properties.byte(IMAGE_COLOR_SPACE))


def _labels(content: bytes) -> tuple[str, ...]:
    """Return the lines of the text file in the zip archive behind a model, if there is one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [info for info in archive.infolist() if _is_label_file(info)]
            if len(files) != 1:
                return ()
            data = archive.read(files[0])
        listing = data.decode("utf-8-sig")
    except UNREADABLE:
        return ()
    lines = [line.strip() for line in listing.splitlines()]
    return tuple(line for line in lines if line)


def _is_label_file(info: zipfile.ZipInfo) -> bool:
    is_plain = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    is_text = info.filename.endswith(".txt")
    return is_plain and is_text and info.file_size < MAX_LABEL_BYTES


@dataclass(frozen=True)
class _Table:
    """A FlatBuffers table whose fields are read by the number of their slot."""

    table_reader: flatbuffers.table.Table

    def text(self, slot: int) -> str:
        """Return a string, empty if it is missing."""
        position = self._position(slot)
        if not position:
            return ""
        return text(self.table_reader.String(position))

    def byte(self, slot: int) -> int:
        """Return a byte, 0 if it is missing."""
        from flatbuffers import number_types

        position = self._position(slot)
        if not position:
            return 0
        value = self.table_reader.Get(number_types.Uint8Flags, position)
        return int(value)

    def table(self, slot: int) -> _Table | None:
        """Return a table, None if it is missing."""
        position = self._position(slot)
        if not position:
            return None
        return self._table_at(position)

    def tables(self, slot: int) -> Iterator[_Table]:
        """Yield the tables of a vector."""
        for position in self._elements(slot):
            yield self._table_at(position)

    def floats(self, slot: int) -> tuple[float, ...]:
        """Return the first numbers of a vector of float32, one for each channel."""
        from flatbuffers import number_types

        numbers: list[float] = []
        for position in islice(self._elements(slot), MAX_CHANNELS):
            number = self.table_reader.Get(number_types.Float32Flags, position)
            numbers.append(float(number))
        return tuple(numbers)

    def _position(self, slot: int) -> int:
        """Return the position of a field in the buffer, 0 if it is missing."""
        offset = self._offset(slot)
        if not offset:
            return 0
        return offset + int(self.table_reader.Pos)

    def _offset(self, slot: int) -> int:
        """Return the offset of a field in the table, 0 if it is missing."""
        vtable_offset = 4 + 2 * slot
        return int(self.table_reader.Offset(vtable_offset))

    def _elements(self, slot: int) -> Iterator[int]:
        """Yield the positions of the elements of a vector, of 4 bytes each."""
        offset = self._offset(slot)
        if not offset:
            return
        start = self.table_reader.Vector(offset)
        length = self.table_reader.VectorLen(offset)
        for number in range(length):
            yield start + 4 * number

    def _table_at(self, position: int) -> _Table:
        reader = self.table_reader
        start = reader.Indirect(position)
        table = type(reader)(reader.Bytes, start)
        return _Table(table)
