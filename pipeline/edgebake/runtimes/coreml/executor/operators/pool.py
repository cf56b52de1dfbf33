"""Pooling, [n, channels, ...] as in ONNX."""

from typing import Any

from edgebake.runtimes.coreml.executor.operation_context import OperationContext, exact, operator
from edgebake.runtimes.coreml.executor.operators.windows import pads


@operator
def avg_pool(call: OperationContext) -> str:
    """Return the mean of each window."""
    counts = not call.flag("exclude_padding_from_average")
    return call.emit(
        "AveragePool", call.tensor("x"), **_window(call), count_include_pad=int(counts)
    )


@exact
def max_pool(call: OperationContext) -> str:
    """Return the maximum of each window."""
    return call.emit("MaxPool", call.tensor("x"), **_window(call))


@operator
def l2_pool(call: OperationContext) -> str:
    """Return the root of the sum of squares of each window."""
    return call.emit("LpPool", call.tensor("x"), **_window(call), p=2)


def _window(call: OperationContext) -> dict[str, Any]:
    kernel = call.integers("kernel_sizes")
    strides = call.integers("strides", [1] * len(kernel))
    return {
        "kernel_shape": kernel,
        "strides": strides,
        "pads": pads(call, kernel, strides),
        "ceil_mode": int(call.flag("ceil_mode")),
    }
