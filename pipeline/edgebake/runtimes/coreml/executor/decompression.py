"""Decompress weights as Core ML does, exact to the bit. There is one function per operator.

Source: the `constexpr_` operators in coremltools' MIL documentation, iOS 16 and iOS 18 variants.
"""

import math
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np

from edgebake.runtimes.coreml.executor.constants import unpack_bits
from edgebake.runtimes.coreml.executor.mil import Array

Decompression: TypeAlias = "Callable[..., Array | tuple[Array, ...]]"
Function = TypeVar("Function", bound=Decompression)
OPERATORS: dict[str, Decompression] = {}


def _operator(function: Function) -> Function:
    OPERATORS[f"constexpr_{function.__name__}"] = function
    return function


@_operator
def affine_dequantize(
    quantized_data: Array, scale: Array, axis: Array, zero_point: Array | None = None
) -> Array:
    """Compute scale * (quantized_data - zero_point) (iOS 16).

    quantized_data and the result have the same shape. scale and zero_point are scalars, or have
    the shape [size of the axis].
    """
    parameter_shape = [1] * quantized_data.ndim
    parameter_shape[int(axis)] = -1
    data = quantized_data.astype(np.float32)
    if zero_point is not None:
        subtrahend = _broadcastable(zero_point, parameter_shape)
        data = data - subtrahend.astype(np.float32)
    factor = _broadcastable(scale, parameter_shape)
    scaled: Array = data * factor
    return scaled.astype(scale.dtype)


def _broadcastable(parameter: Array, shape: list[int]) -> Array:
    if parameter.size == 1:
        return parameter
    return parameter.reshape(shape)


@_operator
def cast(source_val: Array, output_dtype: Array) -> Array:
    """Convert float16 of any shape to float32."""
    dtypes = {"fp32": np.float32}
    dtype = dtypes[output_dtype.item()]
    return source_val.astype(dtype)


@_operator
def lut_to_dense(
    indices: Array, lut: Array, shape: Array | None = None, vector_axis: Array | None = None
) -> Array:
    """Replace indices by the entries of lookup tables that they select.

    iOS 16: lut [entries] is one table; indices uint8 [bytes] are packed, and `shape` is that of
    the result.
    iOS 18: lut [..., entries, vector size]; its leading dimensions divide the axes of the indices
    into blocks with a table each. The result has the shape of the indices, except that the axis
    `vector_axis` is `vector size` times as long.
    """
    if shape is None:
        return _look_up(indices, lut, vector_axis)
    bits = int(lut.size).bit_length() - 1
    count = math.prod(shape.tolist())
    unpacked = unpack_bits(indices, bits, count)
    dense: Array = lut[unpacked]
    return dense.reshape(shape)


@_operator
def sparse_to_dense(nonzero_data: Array, mask: Array, shape: Array | None = None) -> Array:
    """Return an array that holds nonzero_data [count] where the mask is 1, and zeros elsewhere.

    The result has the shape of the mask. iOS 16 packs the mask into uint8 [bytes], and `shape` is
    that of the result.
    """
    if shape is not None:
        count = math.prod(shape.tolist())
        unpacked = unpack_bits(mask, 1, count)
        mask = unpacked.reshape(shape)
    dense = np.zeros(mask.shape, nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


@_operator
def blockwise_shift_scale(data: Array, scale: Array, offset: Array | None = None) -> Array:
    """Compute scale * (data - offset) (iOS 18).

    data and the result have the same shape. Each dimension of scale and offset divides the one of
    data into blocks of equal size.
    """
    shape = data.shape
    dtype = scale.dtype
    shifted = data.astype(dtype)
    if offset is not None:
        repeated_offset = _repeat_blocks(offset, shape)
        shifted = shifted - repeated_offset.astype(dtype)
    repeated_scale = _repeat_blocks(scale, shape)
    scaled: Array = repeated_scale * shifted
    return scaled.astype(dtype)


@_operator
def lut_to_sparse(
    indices_mask: Array, indices_nonzero_data: Array, lut: Array, vector_axis: Array | None = None
) -> tuple[Array, Array]:
    """Decompress a palettized tensor that is sparse as well (iOS 18).

    indices_mask has the shape of the indices, indices_nonzero_data [count]; lut as in
    `lut_to_dense`. Returns the mask of the values, and the values [count] where it is 1.
    """
    indices = sparse_to_dense(indices_nonzero_data, indices_mask)
    values = _look_up(indices, lut, vector_axis)
    mask = indices_mask
    if vector_axis is not None:
        vector_size = lut.shape[-1]
        mask = np.repeat(mask, vector_size, axis=int(vector_axis))
    return mask, values[mask != 0]


@_operator
def sparse_blockwise_shift_scale(
    data_mask: Array, nonzero_data: Array, scale: Array, offset: Array | None = None
) -> tuple[Array, Array]:
    """Decompress a quantized tensor that is sparse as well (iOS 18).

    nonzero_data [count]; scale and offset as in `blockwise_shift_scale`. Returns data_mask, and
    the values [count] where it is 1.
    """
    data = sparse_to_dense(nonzero_data, data_mask)
    values = blockwise_shift_scale(data, scale, offset)
    nonzero_values = values[data_mask != 0]
    return data_mask, nonzero_values


def _look_up(indices: Array, lut: Array, vector_axis: Array | None) -> Array:
    """Return lut[table of the block, index], with the vectors laid along `vector_axis`."""
    *block_counts, _, vector_size = lut.shape
    rank = indices.ndim
    tables = []
    sizes = zip(indices.shape, block_counts, strict=True)
    for axis, (size, block_count) in enumerate(sizes):
        block_size = size // block_count
        block_numbers = np.arange(size) // block_size
        broadcast_shape = [1] * rank
        broadcast_shape[axis] = -1
        table = block_numbers.reshape(broadcast_shape)
        tables.append(table)
    selection = (*tables, indices.astype(np.int64))
    vectors: Array = lut[selection]  # [*indices.shape, vector size]
    if vector_size == 1 or vector_axis is None:
        single: Array = vectors[..., 0]
        return single
    axis = int(vector_axis) % rank
    shape = list(indices.shape)
    shape[axis] *= vector_size
    vectors = np.moveaxis(vectors, -1, axis + 1)
    return vectors.reshape(shape)


def _repeat_blocks(parameter: Array, shape: tuple[int, ...]) -> Array:
    """Repeat the values of each block until the parameter has the shape."""
    for axis, size in enumerate(shape):
        block_count = parameter.shape[axis]
        if block_count != size:
            block_size = size // block_count
            parameter = np.repeat(parameter, block_size, axis)
    return parameter
