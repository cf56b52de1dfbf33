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
    dtype = op.output_dtype()
    is_float = op.onnx_type("x") == FLOAT
    if is_float and dtype in SATURATING_DTYPES:
        limits = np.iinfo(NUMPY_DTYPES[dtype])
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
    exponent = op.float_tensor("x")
    power = op.emit("Pow", 2, exponent)
    return op.cast_to_output(power)


@operator
def inverse(op: OperationContext) -> GraphTensor:
    """Return 1 / (x + epsilon)."""
    epsilon = op.number("epsilon", 1e-4)
    x = op.float_tensor("x")
    return op.emit("Reciprocal", x + epsilon)


@operator
def log(op: OperationContext) -> GraphTensor:
    """Return the natural logarithm of x + epsilon."""
    epsilon = op.number("epsilon", 1e-45)
    x = op.float_tensor("x")
    return op.emit("Log", x + epsilon)


@operator
def rsqrt(op: OperationContext) -> GraphTensor:
    """Return 1 / sqrt(x + epsilon)."""
    epsilon = op.number("epsilon", 1e-12)
    x = op.float_tensor("x")
    root = op.emit("Sqrt", x + epsilon)
    return op.emit("Reciprocal", root)


@operator
def square(op: OperationContext) -> GraphTensor:
    """Return x^2."""
    x = op.x
    return x * x


@operator
def threshold(op: OperationContext) -> GraphTensor:
    """Return max(x, alpha)."""
    value = op.constant("alpha")
    alpha = op.literal(value, op.onnx_type("x"))
    return op.emit("Max", op.x, alpha)
