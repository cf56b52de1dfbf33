"""Translate activation functions."""

import math

import numpy as np

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import exact_operator, operator, register_unary

UNARY = {"sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}

for _name, _onnx_name in UNARY.items():
    register_unary(_name, _onnx_name)


@exact_operator
def relu(op: OperationContext) -> GraphTensor:
    """Return max(x, 0)."""
    return op.emit("Relu", op.x)


@exact_operator
def relu6(op: OperationContext) -> GraphTensor:
    """Return x clipped to 0 and 6."""
    return op.clip(op.x, 0, 6)


@operator
def leaky_relu(op: OperationContext) -> GraphTensor:
    """Return x where it is positive, else alpha x."""
    alpha = op.number("alpha", 0.01)
    return op.emit("LeakyRelu", op.x, alpha=alpha)


@operator
def elu(op: OperationContext) -> GraphTensor:
    """Return x where it is positive, else alpha (e^x - 1)."""
    alpha = op.number("alpha", 1.0)
    return op.emit("Elu", op.x, alpha=alpha)


@operator
def prelu(op: OperationContext) -> GraphTensor:
    """Return x where it is positive, else alpha x with one alpha per channel."""
    x = op.x
    slope = _per_channel(op, "alpha")
    return op.emit("PRelu", x, slope)


@operator
def clamped_relu(op: OperationContext) -> GraphTensor:
    """Return min(x, beta) where x is positive, else min(alpha x, beta)."""
    alpha = op.number("alpha")
    beta = op.number("beta")
    rectified = op.emit("LeakyRelu", op.x, alpha=alpha)
    return op.emit("Min", rectified, beta)


@operator
def thresholded_relu(op: OperationContext) -> GraphTensor:
    """Return x where it is at least alpha, else 0."""
    alpha = op.number("alpha", 1.0)
    x = op.x
    is_large = op.emit("GreaterOrEqual", x, alpha)
    return op.where(is_large, x, 0)


@operator
def linear_activation(op: OperationContext) -> GraphTensor:
    """Return alpha x + beta."""
    alpha = op.number("alpha", 1.0)
    beta = op.number("beta", 0.0)
    return op.x * alpha + beta


@operator
def scaled_tanh(op: OperationContext) -> GraphTensor:
    """Return alpha tanh(beta x)."""
    alpha = op.number("alpha", 1.0)
    beta = op.number("beta", 1.0)
    curve = op.emit("Tanh", op.x * beta)
    return alpha * curve


@operator
def sigmoid_hard(op: OperationContext) -> GraphTensor:
    """Return alpha x + beta clipped to 0 and 1."""
    alpha = op.number("alpha", 0.2)
    beta = op.number("beta", 0.5)
    line = op.x * alpha + beta
    return op.clip(line, 0, 1)


@operator
def silu(op: OperationContext) -> GraphTensor:
    """Return x sigmoid(x)."""
    x = op.x
    gate = op.emit("Sigmoid", x)
    return x * gate


@operator
def softplus_parametric(op: OperationContext) -> GraphTensor:
    """Return alpha log(1 + e^(beta x)) with one alpha and one beta per channel."""
    alpha = _per_channel(op, "alpha")
    beta = _per_channel(op, "beta")
    curve = op.emit("Softplus", op.x * beta)
    return alpha * curve


@operator
def softmax(op: OperationContext) -> GraphTensor:
    """Return e^x divided by its sum along an axis."""
    axis = op.integer("axis", -1)
    return op.emit("Softmax", op.x, axis=axis)


@operator
def gelu(op: OperationContext) -> GraphTensor:
    """Return x times the standard normal distribution function, exact or approximated.

    Source of the approximations: Hendrycks and Gimpel, Gaussian Error Linear Units, section 2.
    """
    x = op.x
    mode = op.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        gate = op.emit("Sigmoid", x * 1.702)
        return x * gate
    if mode == "TANH_APPROXIMATION":
        factor = math.sqrt(2 / math.pi)
        inner = x + x * (x * x) * 0.044715
        curve = op.emit("Tanh", factor * inner)
    elif mode == "EXACT":
        factor = math.sqrt(0.5)
        curve = op.emit("Erf", x * factor)
    else:
        raise UnsupportedError(f"mode {mode}")
    return x * 0.5 * (curve + 1)


def _per_channel(op: OperationContext, parameter: str) -> GraphTensor:
    """Return a parameter with one value per channel, shaped to broadcast along axis 1."""
    values = op.constant(parameter).astype(np.float32)
    trailing_axes = op.rank("x") - 2
    ones = [1] * trailing_axes
    broadcastable = values.reshape([-1, *ones])
    return op.literal(broadcastable)
