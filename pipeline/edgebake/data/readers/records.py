"""TFRecord files in, the features of each tf.train.Example out, without TensorFlow.

The framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. The message:
tensorflow/core/example/example.proto and feature.proto.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.errors import DataError

HEAD = struct.Struct("<QI")  # length of what follows, and the checksum of these 8 bytes
FOOT = struct.Struct("<I")  # checksum of what stood before
MASK = 0xA282EAD8
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Record:
    """Where one record lies."""

    file: Path
    number: int  # in its file, from 0
    offset: int  # of its content, in bytes
    length: int

    def __str__(self) -> str:
        """Return what a person calls it."""
        return f"{self.file}: record {self.number}"

    def read(self) -> bytes:
        """Return the content.

        Raises:
            DataError: it is not what was written.
        """
        with self.file.open("rb") as file:
            file.seek(self.offset)
            content, foot = file.read(self.length), file.read(FOOT.size)
        if len(foot) < FOOT.size or FOOT.unpack(foot)[0] != _masked(content):
            raise DataError(
                f"{self}: damaged, its checksum is another; expected the file as it was written"
            )
        return content


def index(file: Path) -> Iterator[Record]:
    """Yield where each record of a file lies; what it holds is skipped.

    Raises:
        DataError: it is no TFRecord, is compressed, or ends within a record.
    """
    size, offset, number = file.stat().st_size, 0, 0
    with file.open("rb") as content:
        while offset < size:
            content.seek(offset)
            head = content.read(HEAD.size)
            length = _length(file, number, head)
            record = Record(file, number, offset + HEAD.size, length)
            offset = record.offset + length + FOOT.size
            if offset > size:
                raise DataError(
                    f"{record}: the file ends within it; expected the file as it was written"
                )
            yield record
            number += 1


def features(record: Record) -> dict[str, list[Any]]:
    """Return the values of each feature: bytes, floats or whole numbers.

    Raises:
        DataError: the record is damaged, or no tf.train.Example.
    """
    from google.protobuf.message import DecodeError  # for the planner

    example = _message()()
    try:
        example.ParseFromString(record.read())
    except DecodeError:
        raise DataError(f"{record}: no tf.train.Example; expected one in every record") from None
    held = {name: feature.WhichOneof("kind") for name, feature in example.features.feature.items()}
    return {
        name: list(getattr(example.features.feature[name], kind).value) if kind else []
        for name, kind in held.items()
    }


def _length(file: Path, number: int, head: bytes) -> int:
    if len(head) == HEAD.size:
        length, checksum = HEAD.unpack(head)
        if checksum == _masked(head[:8]):
            return int(length)
    if number == 0 and head.startswith(GZIP):
        raise DataError(
            f"{file}: compressed; expected TFRecords that are not, so that each can be found: gunzip it"
        )
    what = "no TFRecord" if number == 0 else f"record {number}: damaged, its length cannot be right"
    raise DataError(f"{file}: {what}; expected the file as it was written")


def _masked(content: bytes) -> int:
    import google_crc32c  # where there are no records there is no need of it

    checksum = int(google_crc32c.value(content))
    return ((checksum >> 15 | checksum << 17) + MASK) & 0xFFFFFFFF


@functools.cache
def _message() -> Any:
    """Return the class of tf.train.Example, in a pool of its own: TensorFlow's has one of the same name."""
    from google.protobuf import (
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    pool = descriptor_pool.DescriptorPool()
    pool.Add(_schema(descriptor_pb2))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


def _schema(descriptors: Any) -> Any:
    kinds = descriptors.FieldDescriptorProto
    file = descriptors.FileDescriptorProto(
        name="example.proto", package="tensorflow", syntax="proto3"
    )
    lists = (("Bytes", kinds.TYPE_BYTES), ("Float", kinds.TYPE_FLOAT), ("Int64", kinds.TYPE_INT64))
    for word, kind in lists:
        file.message_type.add(name=f"{word}List").field.add(
            name="value", number=1, type=kind, label=kinds.LABEL_REPEATED
        )
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (word, _) in enumerate(lists, start=1):
        one = {
            "number": number,
            "type": kinds.TYPE_MESSAGE,
            "label": kinds.LABEL_OPTIONAL,
            "oneof_index": 0,
        }
        feature.field.add(name=f"{word.lower()}_list", type_name=f".tensorflow.{word}List", **one)
    holder = file.message_type.add(name="Features")
    entry = holder.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    single = {"label": kinds.LABEL_OPTIONAL}
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, **single)
    entry.field.add(
        name="value", number=2, type=kinds.TYPE_MESSAGE, type_name=".tensorflow.Feature", **single
    )
    many = {"label": kinds.LABEL_REPEATED, "type_name": ".tensorflow.Features.FeatureEntry"}
    holder.field.add(name="feature", number=1, type=kinds.TYPE_MESSAGE, **many)
    whole = {"label": kinds.LABEL_OPTIONAL, "type_name": ".tensorflow.Features"}
    file.message_type.add(name="Example").field.add(
        name="features", number=1, type=kinds.TYPE_MESSAGE, **whole
    )
    return file
