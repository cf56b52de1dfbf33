"""Read TFRecord files of tf.train.Example messages without TensorFlow.

Format of the files:
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
Format of the messages: tensorflow/core/example/example.proto and feature.proto.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import DataError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
    )
    from google.protobuf.message import Message

HEADER = struct.Struct("<QI")  # length of the content, and the checksum of these 8 bytes
FOOTER = struct.Struct("<I")  # checksum of the content
MASK = 0xA282EAD8
GZIP = b"\x1f\x8b"
LISTS = ("Bytes", "Float", "Int64")  # kinds of features, in the order of their field numbers

Value = bytes | float | int


@dataclass(frozen=True)
class Record:
    """Position of one record."""

    file: Path
    number: int  # in its file, from 0
    offset: int  # of its content, in bytes
    length: int  # of its content, in bytes

    def __str__(self) -> str:
        """Return the name of the record in messages."""
        return f"{self.file}: record {self.number}"

    def read(self) -> bytes:
        """Return the content.

        Raises:
            DataError: its checksum is wrong.
        """
        with self.file.open("rb") as file:
            file.seek(self.offset)
            content = file.read(self.length)
            footer = file.read(FOOTER.size)
        if len(footer) < FOOTER.size or FOOTER.unpack(footer)[0] != _masked_checksum(content):
            raise DataError(f"{self}: damaged, its checksum differs; expected an intact file")
        return content


def index_file(file: Path, max_bytes: int) -> Iterator[Record]:
    """Yield the position of each record of a file, reading headers only.

    Args:
        file: of the records.
        max_bytes: of a record.

    Raises:
        DataError: it is no TFRecord file, is compressed, ends within a record, or has one that is
            too large.
    """
    size = file.stat().st_size
    offset = 0
    number = 0
    with file.open("rb") as content:
        while offset < size:
            content.seek(offset)
            length = _read_length(file, number, content.read(HEADER.size))
            record = Record(file, number, offset + HEADER.size, length)
            offset = record.offset + length + FOOTER.size
            if offset > size:
                raise DataError(f"{record}: the file ends within it; expected an intact file")
            if length > max_bytes:
                raise DataError(
                    f"{record}: {length:,} bytes; expected at most {max_bytes:,}: "
                    "raise data.max_megapixels"
                )
            yield record
            number += 1


def read_features(record: Record) -> dict[str, list[Value]]:
    """Return the values of each feature: bytes, floats or integers.

    Raises:
        DataError: the record is damaged, or no tf.train.Example.
    """
    from google.protobuf.message import DecodeError  # the planner imports this module

    example = _example_class()()
    try:
        example.ParseFromString(record.read())
    except DecodeError:
        raise DataError(f"{record}: no tf.train.Example; expected one in every record") from None
    features: dict[str, list[Value]] = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        features[name] = list(getattr(feature, kind).value) if kind else []
    return features


def _read_length(file: Path, number: int, header: bytes) -> int:
    if len(header) == HEADER.size:
        length, checksum = HEADER.unpack(header)
        if checksum == _masked_checksum(header[:8]):
            return int(length)
    if number == 0 and header.startswith(GZIP):
        raise DataError(f"{file}: compressed; expected uncompressed TFRecords: gunzip it")
    problem = "no TFRecord"
    if number > 0:
        problem = f"record {number}: damaged, its length cannot be right"
    raise DataError(f"{file}: {problem}; expected an intact file")


def _masked_checksum(content: bytes) -> int:
    import google_crc32c  # only projects with TFRecords need it

    checksum = int(google_crc32c.value(content))
    return ((checksum >> 15 | checksum << 17) + MASK) & 0xFFFFFFFF


@functools.cache
def _example_class() -> type[Message]:
    """Return the class of tf.train.Example.

    It is in a descriptor pool of its own: TensorFlow's pool has a message of the same name.
    """
    from google.protobuf import descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    pool.Add(_schema())
    descriptor = pool.FindMessageTypeByName("tensorflow.Example")
    example: type[Message] = message_factory.GetMessageClass(descriptor)
    return example


def _schema() -> FileDescriptorProto:
    """Return the schema of example.proto and feature.proto."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")
    _add_lists(file)
    _add_feature(file.message_type.add(name="Feature"))
    _add_features(file.message_type.add(name="Features"))
    _add_message_field(file.message_type.add(name="Example"), "features", 1, "Features")
    return file


def _add_lists(file: FileDescriptorProto) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    types = {
        "Bytes": FieldDescriptorProto.TYPE_BYTES,
        "Float": FieldDescriptorProto.TYPE_FLOAT,
        "Int64": FieldDescriptorProto.TYPE_INT64,
    }
    repeated = FieldDescriptorProto.LABEL_REPEATED
    for kind in LISTS:
        message = file.message_type.add(name=f"{kind}List")
        message.field.add(name="value", number=1, type=types[kind], label=repeated)


def _add_feature(feature: DescriptorProto) -> None:
    """Add one of three lists."""
    feature.oneof_decl.add(name="kind")
    for number, kind in enumerate(LISTS, start=1):
        field = _add_message_field(feature, f"{kind.lower()}_list", number, f"{kind}List")
        field.oneof_index = 0


def _add_features(features: DescriptorProto) -> None:
    """Add a map from a name to a Feature; its entries are a nested message."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(
        name="key",
        number=1,
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    _add_message_field(entry, "value", 2, "Feature")
    field = _add_message_field(features, "feature", 1, "Features.FeatureEntry")
    field.label = FieldDescriptorProto.LABEL_REPEATED


def _add_message_field(
    message: DescriptorProto, name: str, number: int, type_name: str
) -> FieldDescriptorProto:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    return message.field.add(
        name=name,
        number=number,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".tensorflow.{type_name}",
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
