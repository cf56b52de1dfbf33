"""Two numbers in, one out; shapes are broadcast, and an integer beside a float becomes one."""

from onnx import TensorProto

from edgebake.runtimes.coreml.executor.operation_context import (
    OperationContext,
    Translator,
    operator,
)

ARITHMETIC = {
    "add": "Add",
    "maximum": "Max",
    "minimum": "Min",
    "mul": "Mul",
    "pow": "Pow",
    "sub": "Sub",
}
COMPARISON = {
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
}
LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}


def _both(call: OperationContext) -> tuple[str, str]:
    """Return x and y in one carrier that ONNX computes with."""
    if call.carrier("x") == call.carrier("y") and call.carrier("x") != TensorProto.BOOL:
        return call.tensor("x"), call.tensor("y")
    return call.real("x"), call.real("y")


def _on_numbers(kind: str) -> Translator:
    return lambda call: call.emit(kind, *_both(call))


def _on_bools(kind: str) -> Translator:
    return lambda call: call.emit(kind, call.tensor("x"), call.tensor("y"))


for _name, _kind in {**ARITHMETIC, **COMPARISON}.items():
    operator(_on_numbers(_kind), _name)
for _name, _kind in LOGICAL.items():
    operator(_on_bools(_kind), _name)


@operator
def not_equal(call: OperationContext) -> str:
    """Return whether x and y differ."""
    return call.emit("Not", call.emit("Equal", *_both(call)))


@operator
def real_div(call: OperationContext) -> str:
    """Return x / y."""
    return call.as_declared(call.emit("Div", call.real("x"), call.real("y")))


@operator
def floor_div(call: OperationContext) -> str:
    """Return floor(x / y)."""
    x, y = _both(call)
    if _on_integers(call):
        # ONNX divides integers towards zero; float64 holds every int32.
        x, y = call.cast(x, TensorProto.DOUBLE), call.cast(y, TensorProto.DOUBLE)
        return call.cast(_floored(call, x, y), TensorProto.INT32)
    return _floored(call, x, y)


@operator
def mod(call: OperationContext) -> str:
    """Return x - floor(x / y) y."""
    x, y = _both(call)
    if _on_integers(call):
        return call.emit("Mod", x, y)
    return call.emit("Sub", x, call.emit("Mul", _floored(call, x, y), y))


def _on_integers(call: OperationContext) -> bool:
    return {call.carrier("x"), call.carrier("y")} == {TensorProto.INT32}


def _floored(call: OperationContext, x: str, y: str) -> str:
    return call.emit("Floor", call.emit("Div", x, y))
