"""Read constants of an ML Program as NumPy arrays, from the program itself or a weights file.

Sources: MIL.proto; MILBlob/Blob/StorageFormat.hpp of coremltools, version 2 of the weights file.
"""

import math
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
PACKED_BITS = {"int4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6}
SENTINEL = 0xDEADBEEF  # begins the metadata of every entry of a weights file


def read_type(message: "MIL_pb2.ValueType") -> ValueType:
    """Read dtype and shape; a size that depends on the input is None."""
    kind = message.WhichOneof("type")
    if kind != "tensorType":
        return ValueType(kind.removesuffix("Type"), ())
    tensor = message.tensorType
    dtypes = schema.load_module("MIL_pb2").DataType
    dtype = dtypes.Name(tensor.dataType)
    sizes = [_read_size(dimension) for dimension in tensor.dimensions]
    return ValueType(dtype.lower(), tuple(sizes))


def _read_size(message: "MIL_pb2.Dimension") -> int | None:
    if message.WhichOneof("dimension") != "constant":
        return None
    size: int = message.constant.size
    return size


def read_value(message: "MIL_pb2.Value", weights: dict[str, bytes]) -> Array:
    """Read a constant, in the shape and dtype of its type; a list becomes an array [length]."""
    if message.WhichOneof("value") == "blobFileValue":
        value_type = read_type(message.type)
        data = read_blob(message.blobFileValue, weights)
        return unpack(data, value_type)
    immediate = message.immediateValue
    if immediate.WhichOneof("value") == "list":
        values = []
        for element in immediate.list.values:
            scalar = read_value(element, weights)
            values.append(scalar.item())
        return np.array(values)
    return _read_tensor(immediate.tensor, read_type(message.type))


def _read_tensor(message: "MIL_pb2.TensorValue", value_type: ValueType) -> Array:
    field = message.WhichOneof("value")
    if field == "bytes":
        return unpack(message.bytes.values, value_type)
    values: list[object] = []
    if field is not None:  # None: an empty tensor
        typed_values = getattr(message, field)
        values = list(typed_values.values)
    dtype: type = object
    if value_type.dtype != "string":
        dtype = NUMPY_DTYPES[value_type.dtype]
    array: Array = np.array(values, dtype)
    return array.reshape(value_type.static_shape)


def read_blob(reference: "MIL_pb2.Value.BlobFileValue", weights: dict[str, bytes]) -> bytes:
    """Read an entry of a weights file.

    Raises:
        ValueError: there is no entry at the offset.
    """
    name = reference.fileName.rsplit("/", 1)[-1]
    file = weights[name]
    offset = reference.offset
    sentinel, _, size, start = struct.unpack_from("<IIQQ", file, offset)
    if sentinel != SENTINEL:
        raise ValueError(f"{name}: no entry at offset {offset}")
    end = start + size
    return file[start:end]


def unpack(data: bytes, value_type: ValueType) -> Array:
    """Decode little-endian bytes into an array of the type's shape and dtype.

    Numbers of less than a byte are packed from the lowest bit up.
    """
    dtype_name = value_type.dtype
    shape = value_type.static_shape
    if dtype_name not in PACKED_BITS:
        native = np.dtype(NUMPY_DTYPES[dtype_name])
        little_endian = native.newbyteorder("<")
        return np.frombuffer(data, little_endian).reshape(shape)
    packed = np.frombuffer(data, np.uint8)
    numbers = unpack_bits(
        packed, bits=PACKED_BITS[dtype_name], count=math.prod(shape), dtype=dtype_name
    )
    return numbers.reshape(shape)


def unpack_bits(packed: NDArray[np.uint8], bits: int, count: int, dtype: str = "") -> Array:
    """Decode packed numbers of `bits` bits each.

    Returns an array [count]: int8 for a dtype that starts with `int`, else uint8.
    """
    all_bits = np.unpackbits(packed, bitorder="little")
    used_bits = all_bits[: count * bits]
    number_bits = used_bits.reshape(count, bits).astype(np.int16)
    bit_positions = np.arange(bits, dtype=np.int16)
    shifted = number_bits << bit_positions
    numbers: Array = shifted.sum(axis=1)
    if not dtype.startswith("int"):
        return numbers.astype(np.uint8)
    modulus = 1 << bits
    sign_bits = numbers >> (bits - 1)
    signed = np.where(sign_bits, numbers - modulus, numbers)
    return signed.astype(np.int8)
