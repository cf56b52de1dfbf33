"""Translate normalization. Channels are axis 1."""

import numpy as np

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def batch_norm(op: OperationContext) -> GraphTensor:
    """Return gamma (x - mean) / sqrt(variance + epsilon) + beta per channel."""
    mean = op.constant("mean")
    variance = op.constant("variance")
    gamma = op.constant("gamma", np.ones_like(mean))
    beta = op.constant("beta", np.zeros_like(mean))
    epsilon = op.number("epsilon", 1e-5)
    x = op.x
    return op.emit("BatchNormalization", x, gamma, beta, mean, variance, epsilon=epsilon)


@operator
def instance_norm(op: OperationContext) -> GraphTensor:
    """Return `batch_norm` of x with the mean and variance of each channel of each example."""
    channels = op.shape("x")[1]
    gamma = op.constant("gamma", np.ones(channels))
    beta = op.constant("beta", np.zeros(channels))
    epsilon = op.number("epsilon", 1e-5)
    return op.emit("InstanceNormalization", op.x, gamma, beta, epsilon=epsilon)


@operator
def layer_norm(op: OperationContext) -> GraphTensor:
    """Return gamma (x - mean) / sqrt(variance + epsilon) + beta along the axes."""
    x = op.x
    rank = op.rank("x")
    axes = sorted(axis % rank for axis in op.integers("axes", range(rank)))
    centered = x - _mean(op, x, axes)
    variance = _mean(op, centered * centered, axes)
    epsilon = op.number("epsilon", 1e-5)
    result = centered / op.emit("Sqrt", variance + epsilon)
    parameter_shape = [1] * (rank - axes[0])
    for axis in axes:
        parameter_shape[axis - axes[0]] = op.shape("x")[axis]
    if op.has("gamma"):
        result = result * op.constant("gamma").reshape(parameter_shape)
    if op.has("beta"):
        result = result + op.constant("beta").reshape(parameter_shape)
    return result


@operator
def l2_norm(op: OperationContext) -> GraphTensor:
    """Return x / sqrt(sum of x^2 along the last three axes + epsilon)."""
    x = op.x
    axes = op.int64([-3, -2, -1])
    square_sum = op.emit("ReduceSumSquare", x, axes, keepdims=1)
    epsilon = op.number("epsilon", 1e-6)
    return x / op.emit("Sqrt", square_sum + epsilon)


@operator
def local_response_norm(op: OperationContext) -> GraphTensor:
    """Return x / (k + alpha / size * sum of x^2 in a window of channels)^beta."""
    rank = op.rank("x")
    if rank == 3:
        message = "rank 3, on which coremltools' documentation and tests disagree"
        raise UnsupportedError(message)
    x = op.x
    size = op.integer("size")
    windows = _channel_windows(op, x * x, size)
    square_sum = op.emit("Sum", *windows)
    scaled = square_sum * (op.number("alpha", 1e-4) / size)
    base = scaled + op.number("k", 1.0)
    beta = op.number("beta", 0.75)
    return x / op.emit("Pow", base, beta)


def _channel_windows(op: OperationContext, tensor: GraphTensor, size: int) -> list[GraphTensor]:
    """Return the tensor shifted along the channels to each position of a window."""
    channels = op.shape("x")[1]
    trailing_axes = op.rank("x") - 2
    begin = [0, size // 2] + [0] * trailing_axes
    end = [0, (size - 1) // 2] + [0] * trailing_axes
    padded = op.emit("Pad", tensor, op.int64(begin + end))
    windows = []
    for first in range(size):
        last = first + channels
        window = op.slice(padded, [first], [last], [1])
        windows.append(window)
    return windows


def _mean(op: OperationContext, tensor: GraphTensor, axes: list[int]) -> GraphTensor:
    return op.emit("ReduceMean", tensor, op.int64(axes), keepdims=1)
