"""Translate the quantization of activations to integers and back (iOS 17)."""

import numpy as np

from edgebake.runtimes.coreml.executor.constants import NUMPY_DTYPES
from edgebake.runtimes.coreml.executor.graph_builder import INT32
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import Array
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def quantize(op: OperationContext) -> GraphTensor:
    """Return round(x / scale) + zero_point, half to even, clipped to the range of the dtype."""
    values = op.tensor("input")
    scaled = values / _broadcastable(op, "scale")
    quantized = op.emit("Round", scaled)
    if op.has("zero_point"):
        quantized = quantized + _broadcastable(op, "zero_point")
    dtype = op.output_dtype()
    limits = np.iinfo(NUMPY_DTYPES[dtype])
    clipped = op.clip(quantized, limits.min, limits.max)
    return op.cast(clipped, INT32)


@operator
def dequantize(op: OperationContext) -> GraphTensor:
    """Return (x - zero_point) * scale."""
    shifted = op.float_tensor("input")
    if op.has("zero_point"):
        shifted = shifted - _broadcastable(op, "zero_point")
    return shifted * _broadcastable(op, "scale")


def _broadcastable(op: OperationContext, parameter: str) -> Array:
    """Return scale or zero_point: a scalar, or one value per channel along the axis."""
    values = op.constant(parameter).astype(np.float32)
    if values.ndim != 1:
        return values
    shape = [1] * op.rank("input")
    shape[op.integer("axis")] = -1
    return values.reshape(shape)
