"""Translate pooling. Tensors are [n, channels, ...] in Core ML and in ONNX."""

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.windows import pads
from edgebake.runtimes.coreml.executor.registry import exact_operator, operator


@operator
def avg_pool(op: OperationContext) -> GraphTensor:
    """Return the mean of each window."""
    excludes_padding = op.flag("exclude_padding_from_average")
    window = _window_attributes(op)
    return op.emit("AveragePool", op.x, **window, count_include_pad=int(not excludes_padding))


@exact_operator
def max_pool(op: OperationContext) -> GraphTensor:
    """Return the maximum of each window."""
    return op.emit("MaxPool", op.x, **_window_attributes(op))


@operator
def l2_pool(op: OperationContext) -> GraphTensor:
    """Return the square root of the sum of squares of each window."""
    return op.emit("LpPool", op.x, **_window_attributes(op), p=2)


def _window_attributes(op: OperationContext) -> dict[str, list[int] | int]:
    kernel = op.integers("kernel_sizes")
    ones = [1] * len(kernel)
    strides = op.integers("strides", ones)
    rounds_up = op.flag("ceil_mode")
    return {
        "kernel_shape": kernel,
        "strides": strides,
        "pads": pads(op, kernel, strides),
        "ceil_mode": int(rounds_up),
    }
