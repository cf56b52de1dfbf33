"""Translate element-wise operators of one input."""

import numpy as np

from edgebake.runtimes.coreml.executor.constants import NUMPY_DTYPES
from edgebake.runtimes.coreml.executor.graph_builder import FLOAT
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import TRANSLATORS, operator, register_unary

ON_ANY_NUMBER = {
    "abs": "Abs",
    "ceil": "Ceil",
    "floor": "Floor",
    "identity": "Identity",
    "logical_not": "Not",
    "round": "Round",  # half to even in both
    "sign": "Sign",
}
ON_FLOATS = {
    "acos": "Acos",
    "asin": "Asin",
    "atan": "Atan",
    "atanh": "Atanh",
    "cos": "Cos",
    "cosh": "Cosh",
    "erf": "Erf",
    "exp": "Exp",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "tan": "Tan",
    "tanh": "Tanh",
}
# Integer dtypes to which a cast from float saturates.
SATURATING_DTYPES = ("int8", "uint8", "int16", "uint16")


def _register_on_floats(name: str, onnx_name: str) -> None:
    def translate(op: OperationContext) -> GraphTensor:
        return op.emit(onnx_name, op.float_tensor("x"))

    TRANSLATORS[name] = translate


for _name, _onnx_name in ON_ANY_NUMBER.items():
    register_unary(_name, _onnx_name)
for _name, _onnx_name in ON_FLOATS.items():
    _register_on_floats(_name, _onnx_name)


@operator
def cast(op: OperationContext) -> GraphTensor:
    """Return x in another dtype; a cast from float to an integer of up to 16 bits saturates."""
    x = op.x
    if op.onnx_type("x") == FLOAT and op.output_dtype() in SATURATING_DTYPES:
        limits = np.iinfo(NUMPY_DTYPES[op.output_dtype()])
        x = op.clip(x, limits.min, limits.max)
    return op.cast(x, op.output_onnx_type())


@operator
def clip(op: OperationContext) -> GraphTensor:
    """Return x clipped to alpha and beta."""
    alpha = op.number("alpha")
    beta = op.number("beta")
    return op.clip(op.x, alpha, beta)


@operator
def exp2(op: OperationContext) -> GraphTensor:
    """Return 2^x."""
    power = op.emit("Pow", 2, op.float_tensor("x"))
    return op.cast_to_output(power)


@operator
def inverse(op: OperationContext) -> GraphTensor:
    """Return 1 / (x + epsilon)."""
    epsilon = op.number("epsilon", 1e-4)
    return op.emit("Reciprocal", op.float_tensor("x") + epsilon)


@operator
def log(op: OperationContext) -> GraphTensor:
    """Return the natural logarithm of x + epsilon."""
    epsilon = op.number("epsilon", 1e-45)
    return op.emit("Log", op.float_tensor("x") + epsilon)


@operator
def rsqrt(op: OperationContext) -> GraphTensor:
    """Return 1 / sqrt(x + epsilon)."""
    epsilon = op.number("epsilon", 1e-12)
    root = op.emit("Sqrt", op.float_tensor("x") + epsilon)
    return op.emit("Reciprocal", root)


@operator
def square(op: OperationContext) -> GraphTensor:
    """Return x^2."""
    x = op.x
    return x * x


@operator
def threshold(op: OperationContext) -> GraphTensor:
    """Return max(x, alpha)."""
    alpha = op.literal(op.constant("alpha"), op.onnx_type("x"))
    return op.emit("Max", op.x, alpha)
