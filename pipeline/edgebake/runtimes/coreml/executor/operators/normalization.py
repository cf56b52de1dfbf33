"""Normalization; channels are axis 1."""

import numpy as np

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator


@operator
def batch_norm(call: OperationContext) -> str:
    """Return gamma (x - mean) / sqrt(variance + epsilon) + beta, by channel."""
    mean, variance = call.constant("mean"), call.constant("variance")
    gamma, beta = (
        call.constant("gamma", np.ones_like(mean)),
        call.constant("beta", np.zeros_like(mean)),
    )
    parameters = (call.literal(value) for value in (gamma, beta, mean, variance))
    return call.emit(
        "BatchNormalization", call.tensor("x"), *parameters, epsilon=call.number("epsilon", 1e-5)
    )


@operator
def instance_norm(call: OperationContext) -> str:
    """Return the same with mean and variance of each image's own channel."""
    channels = call.shape("x")[1]
    gamma, beta = (
        call.constant("gamma", np.ones(channels)),
        call.constant("beta", np.zeros(channels)),
    )
    epsilon = call.number("epsilon", 1e-5)
    return call.emit(
        "InstanceNormalization",
        call.tensor("x"),
        call.literal(gamma),
        call.literal(beta),
        epsilon=epsilon,
    )


@operator
def layer_norm(call: OperationContext) -> str:
    """Return x less its mean, over its deviation, along the given axes."""
    x, rank = call.tensor("x"), call.rank("x")
    axes = sorted(axis % rank for axis in call.integers("axes", range(rank)))
    centred = call.emit("Sub", x, _mean(call, x, axes))
    variance = _mean(call, call.emit("Mul", centred, centred), axes)
    deviation = call.emit(
        "Sqrt", call.emit("Add", variance, call.literal(call.number("epsilon", 1e-5)))
    )
    result = call.emit("Div", centred, deviation)
    shape = [call.shape("x")[axis] if axis in axes else 1 for axis in range(axes[0], rank)]
    for parameter, kind in (("gamma", "Mul"), ("beta", "Add")):
        if call.has(parameter):
            result = call.emit(kind, result, call.literal(call.constant(parameter).reshape(shape)))
    return result


@operator
def l2_norm(call: OperationContext) -> str:
    """Return x over the root of its sum of squares along the last three axes."""
    x = call.tensor("x")
    squares = call.emit("ReduceSumSquare", x, call.indices([-3, -2, -1]), keepdims=1)
    epsilon = call.literal(call.number("epsilon", 1e-6))
    return call.emit("Div", x, call.emit("Sqrt", call.emit("Add", squares, epsilon)))


@operator
def local_response_norm(call: OperationContext) -> str:
    """Return x over a power of the mean of squares in a window of channels."""
    rank, size, channels = call.rank("x"), call.integer("size"), call.shape("x")[1]
    if rank == 3:
        raise UnsupportedError("rank 3, on which coremltools' documentation and tests disagree")
    x = call.tensor("x")
    before, after = [0, size // 2] + [0] * (rank - 2), [0, (size - 1) // 2] + [0] * (rank - 2)
    squares = call.emit("Pad", call.emit("Mul", x, x), call.indices(before + after))
    shifted = [
        call.emit(
            "Slice",
            squares,
            call.indices([first]),
            call.indices([first + channels]),
            call.indices([1]),
        )
        for first in range(size)
    ]
    scaled = call.emit(
        "Mul", call.emit("Sum", *shifted), call.literal(call.number("alpha", 1e-4) / size)
    )
    base = call.emit("Add", scaled, call.literal(call.number("k", 1.0)))
    return call.emit("Div", x, call.emit("Pow", base, call.literal(call.number("beta", 0.75))))


def _mean(call: OperationContext, tensor: str, axes: list[int]) -> str:
    return call.emit("ReduceMean", tensor, call.indices(axes), keepdims=1)
