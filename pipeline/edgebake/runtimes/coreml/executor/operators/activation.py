"""Activation functions."""

import math

import numpy as np

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import (
    OperationContext,
    alike,
    exact,
    operator,
)

ALIKE = {"sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}


for _name, _kind in ALIKE.items():
    operator(alike(_kind), _name)
exact(alike("Relu"), "relu")


@exact
def relu6(call: OperationContext) -> str:
    """Return x between 0 and 6."""
    return call.emit("Clip", call.tensor("x"), call.literal(0), call.literal(6))


@operator
def leaky_relu(call: OperationContext) -> str:
    """Return x, times alpha where it is negative."""
    return call.emit("LeakyRelu", call.tensor("x"), alpha=call.number("alpha", 0.01))


@operator
def elu(call: OperationContext) -> str:
    """Return x, or alpha (e^x - 1) where it is negative."""
    return call.emit("Elu", call.tensor("x"), alpha=call.number("alpha", 1.0))


@operator
def prelu(call: OperationContext) -> str:
    """Return x, times its channel's alpha where it is negative."""
    return call.emit("PRelu", call.tensor("x"), _per_channel(call, "alpha"))


@operator
def clamped_relu(call: OperationContext) -> str:
    """Return x, times alpha where it is negative, and at most beta."""
    rectified = call.emit("LeakyRelu", call.tensor("x"), alpha=call.number("alpha"))
    return call.emit("Min", rectified, call.literal(call.number("beta")))


@operator
def thresholded_relu(call: OperationContext) -> str:
    """Return x where it is at least alpha, else 0."""
    x = call.tensor("x")
    return call.emit(
        "Where",
        call.emit("GreaterOrEqual", x, call.literal(call.number("alpha", 1.0))),
        x,
        call.literal(0),
    )


@operator
def linear_activation(call: OperationContext) -> str:
    """Return alpha x + beta."""
    return _scaled(call, call.tensor("x"))


@operator
def scaled_tanh(call: OperationContext) -> str:
    """Return alpha tanh(beta x)."""
    inner = call.emit(
        "Tanh", call.emit("Mul", call.tensor("x"), call.literal(call.number("beta", 1.0)))
    )
    return call.emit("Mul", call.literal(call.number("alpha", 1.0)), inner)


@operator
def sigmoid_hard(call: OperationContext) -> str:
    """Return alpha x + beta between 0 and 1."""
    return call.emit(
        "Clip", _scaled(call, call.tensor("x"), 0.2, 0.5), call.literal(0), call.literal(1)
    )


@operator
def silu(call: OperationContext) -> str:
    """Return x sigmoid(x)."""
    x = call.tensor("x")
    return call.emit("Mul", x, call.emit("Sigmoid", x))


@operator
def softplus_parametric(call: OperationContext) -> str:
    """Return alpha log(1 + e^(beta x)), alpha and beta of the channel."""
    inner = call.emit("Softplus", call.emit("Mul", call.tensor("x"), _per_channel(call, "beta")))
    return call.emit("Mul", _per_channel(call, "alpha"), inner)


@operator
def softmax(call: OperationContext) -> str:
    """Return e^x over its sum along an axis."""
    return call.emit("Softmax", call.tensor("x"), axis=call.integer("axis", -1))


@operator
def gelu(call: OperationContext) -> str:
    """Return x times the normal distribution function, exact or as one of two approximations."""
    x, mode = call.tensor("x"), call.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        return call.emit("Mul", x, call.emit("Sigmoid", call.emit("Mul", x, call.literal(1.702))))
    if mode == "TANH_APPROXIMATION":
        cubed = call.emit("Mul", x, call.emit("Mul", x, x))
        inner = call.emit("Add", x, call.emit("Mul", cubed, call.literal(0.044715)))
        curve = call.emit("Tanh", call.emit("Mul", call.literal(math.sqrt(2 / math.pi)), inner))
    elif mode == "EXACT":
        curve = call.emit("Erf", call.emit("Mul", x, call.literal(math.sqrt(0.5))))
    else:
        raise UnsupportedError(f"mode {mode}")
    half = call.emit("Mul", x, call.literal(0.5))
    return call.emit("Mul", half, call.emit("Add", curve, call.literal(1)))


def _scaled(call: OperationContext, x: str, alpha: float = 1.0, beta: float = 0.0) -> str:
    product = call.emit("Mul", x, call.literal(call.number("alpha", alpha)))
    return call.emit("Add", product, call.literal(call.number("beta", beta)))


def _per_channel(call: OperationContext, parameter: str) -> str:
    """Return a parameter with one number for each channel, shaped to broadcast along axis 1."""
    value = call.constant(parameter).astype(np.float32)
    return call.literal(value.reshape([-1] + [1] * (call.rank("x") - 2)))
