"""Read constants of an ML Program as NumPy arrays, from the program itself or a weights file.

Sources: MIL.proto; MILBlob/Blob/StorageFormat.hpp of coremltools, version 2 of the weights file.
"""

import struct
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.executor.mil import Array, ValueType

if TYPE_CHECKING:
    from coremltools.proto import MIL_pb2

NUMPY_DTYPES: dict[str, type] = {
    "bool": np.bool_,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "int4": np.int8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint1": np.uint8,
    "uint2": np.uint8,
    "uint3": np.uint8,
    "uint4": np.uint8,
    "uint6": np.uint8,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
}
# Width in bits of the dtypes that are packed: several numbers share a byte.
PACKED_BITS = {
    "int4": 4,
    "uint1": 1,
    "uint2": 2,
    "uint3": 3,
    "uint4": 4,
    "uint6": 6,
}
SENTINEL = 0xDEADBEEF  # begins the metadata of every entry of a weights file


def read_type(message: "MIL_pb2.ValueType") -> ValueType:
    """Read dtype and shape; a size that depends on the input is None."""
    kind = message.WhichOneof("type")
    if kind != "tensorType":
        return ValueType(kind.removesuffix("Type"), ())
    tensor = message.tensorType
    dtype = schema.load_module("MIL_pb2").DataType.Name(tensor.dataType)
    return ValueType(dtype.lower(), tuple(_read_size(size) for size in tensor.dimensions))


def _read_size(message: "MIL_pb2.Dimension") -> int | None:
    if message.WhichOneof("dimension") != "constant":
        return None
    size: int = message.constant.size
    return size


def read_value(message: "MIL_pb2.Value", weights: dict[str, bytes]) -> Array:
    """Read a constant, in the shape and dtype of its type; a list becomes an array [length]."""
    if message.WhichOneof("value") == "blobFileValue":
        return unpack(read_blob(message.blobFileValue, weights), read_type(message.type))
    immediate = message.immediateValue
    if immediate.WhichOneof("value") == "list":
        return np.array([read_value(item, weights).item() for item in immediate.list.values])
    return _read_tensor(immediate.tensor, read_type(message.type))


def _read_tensor(message: "MIL_pb2.TensorValue", value_type: ValueType) -> Array:
    field = message.WhichOneof("value")
    if field is None:  # an empty tensor
        return np.array([], _numpy_dtype(value_type)).reshape(value_type.static_shape)
    values = getattr(message, field).values
    if field == "bytes":
        return unpack(values, value_type)
    return np.array(list(values), _numpy_dtype(value_type)).reshape(value_type.static_shape)


def _numpy_dtype(value_type: ValueType) -> type:
    if value_type.dtype == "string":
        return object
    return NUMPY_DTYPES[value_type.dtype]


def read_blob(reference: "MIL_pb2.Value.BlobFileValue", weights: dict[str, bytes]) -> bytes:
    """Read an entry of a weights file.

    Raises:
        ValueError: there is no entry at the offset.
    """
    name = reference.fileName.rsplit("/", 1)[-1]
    file = weights[name]
    sentinel, _, size, start = struct.unpack_from("<IIQQ", file, reference.offset)
    if sentinel != SENTINEL:
        raise ValueError(f"{name}: no entry at offset {reference.offset}")
    return file[start : start + size]


def unpack(data: bytes, value_type: ValueType) -> Array:
    """Decode little-endian bytes into an array of the type's shape and dtype.

    Numbers of less than a byte are packed from the lowest bit up.
    """
    shape = value_type.static_shape
    if value_type.dtype not in PACKED_BITS:
        dtype = np.dtype(NUMPY_DTYPES[value_type.dtype]).newbyteorder("<")
        return np.frombuffer(data, dtype).reshape(shape)
    bits = PACKED_BITS[value_type.dtype]
    count = int(np.prod(shape, dtype=np.int64))
    packed = np.frombuffer(data, np.uint8)
    return unpack_bits(packed, bits, count, value_type.dtype).reshape(shape)


def unpack_bits(packed: NDArray[np.uint8], bits: int, count: int, dtype: str = "") -> Array:
    """Decode packed numbers of `bits` bits each.

    Returns an array [count]: int8 for a dtype that starts with `int`, else uint8.
    """
    all_bits = np.unpackbits(packed, bitorder="little")[: count * bits].reshape(count, bits)
    place_values = np.arange(bits, dtype=np.int16)
    numbers: Array = (all_bits.astype(np.int16) << place_values).sum(axis=1)
    if not dtype.startswith("int"):
        return numbers.astype(np.uint8)
    is_negative = numbers >> (bits - 1)
    return np.where(is_negative, numbers - (1 << bits), numbers).astype(np.int8)
