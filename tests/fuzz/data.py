"""Parsers of datasets: arrays, labels, tables, TFRecords and images."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from edgebake.data.readers import arrays, decode, labels, records, tables
from edgebake.recipe import Color, Data, Table
from tests.fuzz import mutations
from tests.fuzz.target import Target, file_parser


def _npz() -> list[bytes]:
    images = np.zeros((3, 4, 4, 1), np.uint8)
    targets = np.arange(3)
    files = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, images=images, labels=targets)
        files.append(stream.getvalue())
    return files


def _read_labels(path: Path) -> object:
    data = Data.__new__(Data)
    data.labels = str(path)
    return labels.read_labels_file(data)


def _read_table(path: Path) -> object:
    table = Table(file=path.name, image="image", label="label", split="split")
    return tables.read_rows(path.parent, table)


def _read_arrays(path: Path) -> object:
    """Read the arrays too, not only their headers."""
    data = Data.__new__(Data)
    data.path = str(path)
    data.labels = None
    data.color = Color.grayscale
    examples = arrays.load_examples(data, arrays.find_pairs(path))
    return [examples.inputs[number] for number in range(len(examples.inputs))]


def _images() -> list[bytes]:
    pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    files = []
    for image_format in ("PNG", "JPEG", "BMP", "WEBP"):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, image_format)
        files.append(stream.getvalue())
    return files


def _example() -> bytes:
    example = records._example_class()()
    example.features.feature["label"].int64_list.value.append(3)
    example.features.feature["image"].bytes_list.value.append(b"image")
    return bytes(example.SerializeToString())


def _record(content: bytes) -> bytes:
    """A record with right checksums."""
    length = len(content).to_bytes(8, "little")
    checksums = [_checksum(part) for part in (length, content)]
    return length + checksums[0] + content + checksums[1]


def _checksum(data: bytes) -> bytes:
    return records._masked_checksum(data).to_bytes(4, "little")


def _read_records(path: Path) -> None:
    for record in records.index_file(path, max_bytes=1 << 20):
        records.read_features(record)


def _read_example(data: bytes, folder: Path) -> None:
    """Read a record whose checksums hold, though its content was changed."""
    file = folder / "x.tfrecord"
    file.write_bytes(_record(data))
    _read_records(file)


TARGETS = [
    Target("npz", _npz, file_parser("x.npz", _read_arrays)),
    Target(
        "labels",
        lambda: [b"cat\ndog\nbird\n"],
        file_parser("labels.txt", _read_labels),
        mutate=mutations.change_text,
    ),
    Target(
        "table",
        lambda: [b"image,label,split\na.png,cat,train\nb.png,dog,test\n"],
        file_parser("x.csv", _read_table),
        mutate=mutations.change_text,
    ),
    Target("tfrecord", lambda: [_record(_example()) * 2], file_parser("x.tfrecord", _read_records)),
    Target("tfrecord example", lambda: [_example()], _read_example),
    Target("image", _images, lambda data, _: decode.decode(data, Color.rgb, "x.png")),
]
