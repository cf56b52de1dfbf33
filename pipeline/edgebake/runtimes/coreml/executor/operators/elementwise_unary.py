"""One number in, one number out."""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.constants import NUMPY_DTYPES
from edgebake.runtimes.coreml.executor.operation_context import (
    OperationContext,
    Translator,
    alike,
    operator,
)

ON_ANY_NUMBER = {
    "abs": "Abs",
    "ceil": "Ceil",
    "floor": "Floor",
    "identity": "Identity",
    "logical_not": "Not",
    "round": "Round",  # both to even
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
# What float becomes when it is cast to an integer of few bits: it is clipped.
NARROW = ("int8", "uint8", "int16", "uint16")


def _on_floats(kind: str) -> Translator:
    return lambda call: call.emit(kind, call.real("x"))


for _name, _kind in ON_ANY_NUMBER.items():
    operator(alike(_kind), _name)
for _name, _kind in ON_FLOATS.items():
    operator(_on_floats(_kind), _name)


@operator
def cast(call: OperationContext) -> str:
    """Return x in another dtype; a float too large for few bits is clipped."""
    source, target = call.carrier("x"), call.output_carrier()
    x = call.tensor("x")
    if source == TensorProto.FLOAT and call.output_dtype() in NARROW:
        limits = np.iinfo(NUMPY_DTYPES[call.output_dtype()])
        x = call.emit("Clip", x, call.literal(limits.min), call.literal(limits.max))
    return call.cast(x, target)


@operator
def clip(call: OperationContext) -> str:
    """Return x between alpha and beta."""
    return call.emit(
        "Clip",
        call.tensor("x"),
        call.literal(call.number("alpha")),
        call.literal(call.number("beta")),
    )


@operator
def exp2(call: OperationContext) -> str:
    """Return 2^x."""
    return call.as_declared(call.emit("Pow", call.literal(2), call.real("x")))


@operator
def inverse(call: OperationContext) -> str:
    """Return 1 / (x + epsilon)."""
    return call.emit("Reciprocal", _with_epsilon(call, 1e-4))


@operator
def log(call: OperationContext) -> str:
    """Return the logarithm of x + epsilon."""
    return call.emit("Log", _with_epsilon(call, 1e-45))


@operator
def rsqrt(call: OperationContext) -> str:
    """Return 1 / sqrt(x + epsilon)."""
    return call.emit("Reciprocal", call.emit("Sqrt", _with_epsilon(call, 1e-12)))


@operator
def square(call: OperationContext) -> str:
    """Return x^2."""
    return call.emit("Mul", call.tensor("x"), call.tensor("x"))


@operator
def threshold(call: OperationContext) -> str:
    """Return max(x, alpha)."""
    return call.emit(
        "Max", call.tensor("x"), call.literal(call.constant("alpha"), call.carrier("x"))
    )


def _with_epsilon(call: OperationContext, default: float) -> str:
    return call.emit("Add", call.real("x"), call.literal(call.number("epsilon", default)))
