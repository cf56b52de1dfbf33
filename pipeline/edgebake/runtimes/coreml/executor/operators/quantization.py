"""Activations to integers and back (iOS 17)."""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.constants import NUMPY_DTYPES
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator


@operator
def quantize(call: OperationContext) -> str:
    """Return x / scale + zero_point, rounded to even and clipped to the output's range."""
    limits = np.iinfo(NUMPY_DTYPES[call.output_dtype()])
    steps = call.emit("Round", call.emit("Div", call.tensor("input"), _parameter(call, "scale")))
    if call.has("zero_point"):
        steps = call.emit("Add", steps, _parameter(call, "zero_point"))
    clipped = call.emit("Clip", steps, call.literal(limits.min), call.literal(limits.max))
    return call.cast(clipped, TensorProto.INT32)


@operator
def dequantize(call: OperationContext) -> str:
    """Return (x - zero_point) * scale."""
    steps = call.real("input")
    if call.has("zero_point"):
        steps = call.emit("Sub", steps, _parameter(call, "zero_point"))
    return call.emit("Mul", steps, _parameter(call, "scale"))


def _parameter(call: OperationContext, name: str) -> str:
    """Return scale or zero_point, one for all or one for each slice along an axis."""
    value = call.constant(name).astype(np.float32)
    if value.ndim == 1:
        shape = [1] * call.rank("input")
        shape[call.integer("axis")] = -1
        value = value.reshape(shape)
    return call.literal(value)
