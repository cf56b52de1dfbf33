"""Translate element-wise operators of two inputs.

Shapes broadcast. If only one of the inputs is a float, the other is converted to float.
"""

from edgebake.runtimes.coreml.executor.graph_builder import BOOL, DOUBLE, INT32
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import TRANSLATORS, operator

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


def _operands(op: OperationContext) -> tuple[GraphTensor, GraphTensor]:
    """Return x and y in one element type that ONNX computes with."""
    onnx_type = op.onnx_type("x")
    if onnx_type == op.onnx_type("y") and onnx_type != BOOL:
        return op.x, op.tensor("y")
    return op.float_tensor("x"), op.float_tensor("y")


def _register_numeric(name: str, onnx_name: str) -> None:
    def translate(op: OperationContext) -> GraphTensor:
        x, y = _operands(op)
        return op.emit(onnx_name, x, y)

    TRANSLATORS[name] = translate


def _register_logical(name: str, onnx_name: str) -> None:
    def translate(op: OperationContext) -> GraphTensor:
        return op.emit(onnx_name, op.x, op.tensor("y"))

    TRANSLATORS[name] = translate


for _name, _onnx_name in {**ARITHMETIC, **COMPARISON}.items():
    _register_numeric(_name, _onnx_name)
for _name, _onnx_name in LOGICAL.items():
    _register_logical(_name, _onnx_name)


@operator
def not_equal(op: OperationContext) -> GraphTensor:
    """Return whether x and y differ."""
    x, y = _operands(op)
    is_equal = op.emit("Equal", x, y)
    return op.emit("Not", is_equal)


@operator
def real_div(op: OperationContext) -> GraphTensor:
    """Return x / y."""
    dividend = op.float_tensor("x")
    divisor = op.float_tensor("y")
    quotient = dividend / divisor
    return op.cast_to_output(quotient)


@operator
def floor_div(op: OperationContext) -> GraphTensor:
    """Return floor(x / y)."""
    x, y = _operands(op)
    if not _has_integer_inputs(op):
        return op.emit("Floor", x / y)
    # ONNX's division of integers rounds towards zero. A float64 holds every int32.
    x = op.cast(x, DOUBLE)
    y = op.cast(y, DOUBLE)
    quotient = op.emit("Floor", x / y)
    return op.cast(quotient, INT32)


@operator
def mod(op: OperationContext) -> GraphTensor:
    """Return x - floor(x / y) y."""
    x, y = _operands(op)
    if _has_integer_inputs(op):
        return op.emit("Mod", x, y)
    quotient = op.emit("Floor", x / y)
    return x - quotient * y


def _has_integer_inputs(op: OperationContext) -> bool:
    return op.onnx_type("x") == op.onnx_type("y") == INT32
