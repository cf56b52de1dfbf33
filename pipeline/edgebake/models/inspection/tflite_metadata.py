"""TFLite metadata in, labels, normalisation and colors out.

Slots of the tables: metadata_schema.fbs of TensorFlow Lite Support,
https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgebake.models.inspection.model_info import PixelScaling

BUFFER = "TFLITE_METADATA"
COLORS = {1: "rgb", 2: "grayscale"}
IMAGE, NORMALIZATION = 2, 1  # members of the unions ContentProperties and ProcessUnitOptions
LARGEST = 2**20  # bytes of a file of labels


@dataclass(frozen=True)
class Metadata:
    """What a person wrote down for apps."""

    pixels: PixelScaling | None = None
    color: str | None = None
    labels: tuple[str, ...] = ()
    said: dict[str, str] = field(default_factory=dict)


def read(content: bytes, model: Any) -> Metadata:
    """Return the metadata of a .tflite; an empty one where there are none."""
    from flatbuffers import encode, number_types, table

    found = [entry for entry in model.metadata or [] if _text(entry.name) == BUFFER]
    if not found:
        return Metadata(labels=_labels(content))
    data = bytearray(bytes(bytearray(model.buffers[found[0].buffer].data)))
    root = _Table(table.Table(data, encode.Get(number_types.UOffsetTFlags.packer_type, data, 0)))
    words = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5}
    said = {word: text for word, slot in words.items() if (text := root.text(slot))}
    image = next((tensor for graph in root.tables(3) for tensor in graph.tables(2)), None)
    if image is None:
        return Metadata(labels=_labels(content), said=said)
    return Metadata(_pixels(image), _color(image), _labels(content), said)


def _pixels(image: "_Table") -> PixelScaling | None:
    for unit in image.tables(4):
        if unit.byte(0) == NORMALIZATION and (options := unit.table(1)):
            mean, deviations = options.floats(0), options.floats(1)
            if mean and deviations and all(deviations):
                return PixelScaling(
                    mean, tuple(1 / value for value in deviations), "as its metadata say"
                )
    return None


def _color(image: "_Table") -> str | None:
    content = image.table(3)
    properties = content.table(1) if content and content.byte(0) == IMAGE else None
    return COLORS.get(properties.byte(0)) if properties else None


def _labels(content: bytes) -> tuple[str, ...]:
    """Return the lines of the only text that lies in a zip behind the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = [
                info
                for info in archive.infolist()
                if info.filename.endswith(".txt") and info.file_size < LARGEST
            ]
            if len(texts) != 1:
                return ()
            lines = archive.read(texts[0]).decode("utf-8-sig").splitlines()
    except (zipfile.BadZipFile, UnicodeDecodeError):
        return ()
    return tuple(line.strip() for line in lines if line.strip())


@dataclass(frozen=True)
class _Table:
    """A table of a flatbuffer whose slots are read by their number."""

    held: Any

    def _at(self, slot: int) -> int:
        return int(self.held.Offset(4 + 2 * slot))

    def text(self, slot: int) -> str:
        at = self._at(slot)
        return _text(self.held.String(at + self.held.Pos)) if at else ""

    def byte(self, slot: int) -> int:
        from flatbuffers import number_types

        at = self._at(slot)
        return int(self.held.Get(number_types.Uint8Flags, at + self.held.Pos)) if at else 0

    def table(self, slot: int) -> "_Table | None":
        at = self._at(slot)
        return (
            _Table(type(self.held)(self.held.Bytes, self.held.Indirect(at + self.held.Pos)))
            if at
            else None
        )

    def tables(self, slot: int) -> Iterator["_Table"]:
        at = self._at(slot)
        start = self.held.Vector(at) if at else 0
        for number in range(self.held.VectorLen(at) if at else 0):
            yield _Table(type(self.held)(self.held.Bytes, self.held.Indirect(start + 4 * number)))

    def floats(self, slot: int) -> tuple[float, ...]:
        from flatbuffers import number_types

        at = self._at(slot)
        start = self.held.Vector(at) if at else 0
        count = self.held.VectorLen(at) if at else 0
        return tuple(
            float(self.held.Get(number_types.Float32Flags, start + 4 * number))
            for number in range(count)
        )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
