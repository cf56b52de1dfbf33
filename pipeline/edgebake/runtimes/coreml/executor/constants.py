"""Values of an ML Program in: written out in the program, or bytes in a weights file. NumPy arrays out.

Sources: MIL.proto; MILBlob/Blob/StorageFormat.hpp of coremltools, version 2 of the weights file.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.executor.mil import ValueType

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
PACKED_BITS = {
    "int4": 4,
    "uint1": 1,
    "uint2": 2,
    "uint3": 3,
    "uint4": 4,
    "uint6": 6,
}  # of dtypes that share bytes
SENTINEL = 0xDEADBEEF  # in front of every entry of a weights file


def read_type(message: Any) -> ValueType:
    """Return the type that a ValueType message stands for; None for a dimension that the input decides."""
    kind = message.WhichOneof("type")
    if kind != "tensorType":
        return ValueType(kind.removesuffix("Type"), ())
    tensor = message.tensorType
    sizes = (
        one.constant.size if one.WhichOneof("dimension") == "constant" else None
        for one in tensor.dimensions
    )
    return ValueType(
        schema.load_module("MIL_pb2").DataType.Name(tensor.dataType).lower(), tuple(sizes)
    )


def read_value(message: Any, weights: dict[str, bytes]) -> NDArray[Any]:
    """Return what a Value message holds; a list comes back as an array of its items."""
    if message.WhichOneof("value") == "blobFileValue":
        return unpack(read_blob(message.blobFileValue, weights), read_type(message.type))
    immediate = message.immediateValue
    if immediate.WhichOneof("value") == "list":
        return np.array([read_value(item, weights).item() for item in immediate.list.values])
    kind = read_type(message.type)
    content = immediate.tensor
    field = content.WhichOneof("value")
    values: Any = getattr(content, field).values if field else ()
    if field == "bytes":
        return unpack(values, kind)
    if kind.dtype == "string":
        return np.array(list(values), object).reshape(kind.sizes)
    return np.array(list(values), NUMPY_DTYPES[kind.dtype]).reshape(kind.sizes)


def read_blob(where: Any, weights: dict[str, bytes]) -> bytes:
    """Return the bytes that a BlobFileValue message points at.

    Raises:
        ValueError: nothing was written there.
    """
    name = where.fileName.rsplit("/", 1)[-1]
    content = weights[name]
    sentinel, _, size, start = struct.unpack_from("<IIQQ", content, where.offset)
    if sentinel != SENTINEL:
        raise ValueError(f"{name}: no entry at offset {where.offset}")
    return content[start : start + size]


def unpack(content: bytes, kind: ValueType) -> NDArray[Any]:
    """Return bytes as an array of a type; numbers of less than a byte follow each other from the lowest bit up."""
    if kind.dtype not in PACKED_BITS:
        return np.frombuffer(content, np.dtype(NUMPY_DTYPES[kind.dtype]).newbyteorder("<")).reshape(
            kind.sizes
        )
    count = int(np.prod(kind.sizes, dtype=np.int64))
    return unpack_bits(
        np.frombuffer(content, np.uint8), PACKED_BITS[kind.dtype], count, kind.dtype
    ).reshape(kind.sizes)


def unpack_bits(content: NDArray[np.uint8], bits: int, count: int, dtype: str = "") -> NDArray[Any]:
    """Return `count` numbers of `bits` bits each; signed ones for a dtype that starts with `int`."""
    found = np.unpackbits(content, bitorder="little")[: count * bits].reshape(count, bits)
    numbers: NDArray[Any] = (found.astype(np.int16) << np.arange(bits, dtype=np.int16)).sum(axis=1)
    if dtype.startswith("int"):
        numbers = np.where(numbers >> (bits - 1), numbers - (1 << bits), numbers)
        return numbers.astype(np.int8)
    return numbers.astype(np.uint8)
