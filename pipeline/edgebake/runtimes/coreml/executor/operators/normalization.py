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
    ones = np.ones_like(mean)
    zeros = np.zeros_like(mean)
    gamma = op.constant("gamma", ones)
    beta = op.constant("beta", zeros)
    epsilon = op.number("epsilon", 1e-5)
    return op.emit("BatchNormalization", op.x, gamma, beta, mean, variance, epsilon=epsilon)


@operator
def instance_norm(op: OperationContext) -> GraphTensor:
    """Return `batch_norm` of x with the mean and variance of each channel of each example."""
    channels = op.shape("x")[1]
    ones = np.ones(channels)
    zeros = np.zeros(channels)
    gamma = op.constant("gamma", ones)
    beta = op.constant("beta", zeros)
    epsilon = op.number("epsilon", 1e-5)
    return op.emit("InstanceNormalization", op.x, gamma, beta, epsilon=epsilon)


@operator
def layer_norm(op: OperationContext) -> GraphTensor:
    """Return gamma (x - mean) / sqrt(variance + epsilon) + beta along the axes."""
    x = op.x
    shape = op.shape("x")
    rank = len(shape)
    axes = op.integers("axes", range(rank))
    axes = sorted(axis % rank for axis in axes)
    centered = x - _mean(op, x, axes)
    squares = centered * centered
    variance = _mean(op, squares, axes)
    epsilon = op.number("epsilon", 1e-5)
    deviation = op.emit("Sqrt", variance + epsilon)
    result = centered / deviation
    first_axis = axes[0]
    parameter_shape = [1] * (rank - first_axis)
    for axis in axes:
        parameter_shape[axis - first_axis] = shape[axis]
    if op.has("gamma"):
        gamma = op.constant("gamma")
        result = result * gamma.reshape(parameter_shape)
    if op.has("beta"):
        beta = op.constant("beta")
        result = result + beta.reshape(parameter_shape)
    return result


@operator
def l2_norm(op: OperationContext) -> GraphTensor:
    """Return x / sqrt(sum of x^2 along the last three axes + epsilon)."""
    x = op.x
    axes = op.int64([-3, -2, -1])
    square_sum = op.emit("ReduceSumSquare", x, axes, keepdims=1)
    epsilon = op.number("epsilon", 1e-6)
    norm = op.emit("Sqrt", square_sum + epsilon)
    return x / norm


@operator
def local_response_norm(op: OperationContext) -> GraphTensor:
    """Return x / (k + alpha / size * sum of x^2 in a window of channels)^beta."""
    rank = op.rank("x")
    if rank == 3:
        message = "rank 3, on which coremltools' documentation and tests disagree"
        raise UnsupportedError(message)
    x = op.x
    size = op.integer("size")
    alpha = op.number("alpha", 1e-4)
    beta = op.number("beta", 0.75)
    k = op.number("k", 1.0)
    squares = x * x
    windows = _channel_windows(op, squares, size)
    square_sum = op.emit("Sum", *windows)
    scaled = square_sum * (alpha / size)
    base = scaled + k
    divisor = op.emit("Pow", base, beta)
    return x / divisor


def _channel_windows(op: OperationContext, tensor: GraphTensor, size: int) -> list[GraphTensor]:
    """Return the tensor shifted along the channels to each position of a window."""
    channels = op.shape("x")[1]
    trailing_axes = op.rank("x") - 2
    zeros = [0] * trailing_axes
    begin = [0, size // 2, *zeros]
    end = [0, (size - 1) // 2, *zeros]
    pads = op.int64(begin + end)
    padded = op.emit("Pad", tensor, pads)
    windows = []
    for first in range(size):
        last = first + channels
        window = op.slice(padded, [first], [last], [1])
        windows.append(window)
    return windows


def _mean(op: OperationContext, tensor: GraphTensor, axes: list[int]) -> GraphTensor:
    axes_tensor = op.int64(axes)
    return op.emit("ReduceMean", tensor, axes_tensor, keepdims=1)
