"""Compressed weights in, the weights that Core ML computes with out, exact to the bit: one function per operator.

Source: the `constexpr_` operators in coremltools' MIL documentation, iOS 16 and iOS 18 variants.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.constants import unpack_bits

Array = NDArray[Any]
Decompression: TypeAlias = "Callable[..., Array | tuple[Array, ...]]"
OPERATORS: dict[str, Decompression] = {}
Function = TypeVar("Function", bound=Callable[..., Any])


def _operator(function: Function) -> Function:
    OPERATORS[f"constexpr_{function.__name__}"] = function
    return function


@_operator
def affine_dequantize(
    quantized_data: Array, scale: Array, axis: Array, zero_point: Array | None = None
) -> Array:
    """Return scale * (quantized_data - zero_point), per tensor or along one axis (iOS 16)."""
    shape = [1] * quantized_data.ndim
    shape[int(axis)] = -1
    data = quantized_data.astype(np.float32)
    if zero_point is not None:
        data = data - (zero_point if zero_point.size == 1 else zero_point.reshape(shape)).astype(
            np.float32
        )
    scaled: Array = (data * (scale if scale.size == 1 else scale.reshape(shape))).astype(
        scale.dtype
    )
    return scaled


@_operator
def cast(source_val: Array, output_dtype: Array) -> Array:
    """Return float16 as float32."""
    return source_val.astype({"fp32": np.float32}[output_dtype.item()])


@_operator
def lut_to_dense(
    indices: Array, lut: Array, shape: Array | None = None, vector_axis: Array | None = None
) -> Array:
    """Return what the indices stand for in their lookup tables.

    iOS 16: one table, indices packed into bytes, and the shape beside them.
    iOS 18: lut [..., entries, vector size]; its first dimensions say how many tables share each axis of the indices.
    """
    if shape is None:
        return _looked_up(indices, lut, vector_axis)
    count = int(np.prod(shape, dtype=np.int64))
    bits = int(lut.size).bit_length() - 1
    dense: Array = lut[unpack_bits(indices, bits, count)].reshape(shape)
    return dense


@_operator
def sparse_to_dense(nonzero_data: Array, mask: Array, shape: Array | None = None) -> Array:
    """Return a tensor that is zero where the mask is; iOS 16 packs the mask into bytes, with the shape beside it."""
    if shape is not None:
        mask = unpack_bits(mask, 1, int(np.prod(shape, dtype=np.int64))).reshape(shape)
    dense = np.zeros(mask.shape, nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


@_operator
def blockwise_shift_scale(data: Array, scale: Array, offset: Array | None = None) -> Array:
    """Return scale * (data - offset); each dimension of scale divides the data's into blocks (iOS 18)."""
    shifted = data.astype(scale.dtype)
    if offset is not None:
        shifted = shifted - _repeated(offset, data.shape).astype(scale.dtype)
    scaled: Array = (_repeated(scale, data.shape) * shifted).astype(scale.dtype)
    return scaled


@_operator
def lut_to_sparse(
    indices_mask: Array, indices_nonzero_data: Array, lut: Array, vector_axis: Array | None = None
) -> tuple[Array, Array]:
    """Return mask and values of a palettized tensor that is sparse as well (iOS 18)."""
    dense = _looked_up(sparse_to_dense(indices_nonzero_data, indices_mask), lut, vector_axis)
    mask = indices_mask
    if vector_axis is not None:
        mask = np.repeat(mask, lut.shape[-1], axis=int(vector_axis))
    return mask, dense[mask != 0]


@_operator
def sparse_blockwise_shift_scale(
    data_mask: Array, nonzero_data: Array, scale: Array, offset: Array | None = None
) -> tuple[Array, Array]:
    """Return mask and values of a quantized tensor that is sparse as well (iOS 18)."""
    dense = blockwise_shift_scale(sparse_to_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask != 0]


def _looked_up(indices: Array, lut: Array, vector_axis: Array | None) -> Array:
    """Return lut[table of the position, index], its vectors laid along `vector_axis`."""
    tables = tuple(
        np.arange(size).reshape([-1 if axis == own else 1 for own in range(indices.ndim)])
        // (size // count)
        for axis, (size, count) in enumerate(zip(indices.shape, lut.shape[:-2], strict=True))
    )
    vectors: Array = lut[(*tables, indices.astype(np.int64))]  # [*indices.shape, vector size]
    if lut.shape[-1] == 1 or vector_axis is None:
        single: Array = vectors[..., 0]
        return single
    axis = int(vector_axis) % indices.ndim
    laid = np.moveaxis(vectors, -1, axis + 1)
    return laid.reshape(
        [size * (lut.shape[-1] if own == axis else 1) for own, size in enumerate(indices.shape)]
    )


def _repeated(parameter: Array, shape: tuple[int, ...]) -> Array:
    for axis, size in enumerate(shape):
        if parameter.shape[axis] != size:
            parameter = np.repeat(parameter, size // parameter.shape[axis], axis)
    return parameter
