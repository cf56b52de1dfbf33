"""Convert calls of TensorFlow functions in a config of Keras 2 to operations of Keras 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edgebake.models.importers.safety import Config

NUMPY, NN, CORE = "keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.core"


class Call(NamedTuple):
    """Arguments of a call of a layer or operation, as JSON."""

    args: list[Any]
    kwargs: Config


@dataclass(frozen=True)
class KerasOperation:
    """Operation of Keras 3, and the correspondence of its arguments with TensorFlow's."""

    module: str
    class_name: str
    arguments: dict[str, str] = field(default_factory=dict)  # TensorFlow's name -> Keras'
    # Arguments of Keras whose default value is another than TensorFlow's.
    defaults: Config = field(default_factory=dict)
    second_operand: str | None = None  # TensorFlow's name of it


def _unary(module: str, **class_names: str) -> dict[str, KerasOperation]:
    operations: dict[str, KerasOperation] = {}
    for name, class_name in class_names.items():
        operations[name] = KerasOperation(module, class_name)
    return operations


def _binary(**class_names: str) -> dict[str, KerasOperation]:
    operations: dict[str, KerasOperation] = {}
    for name, class_name in class_names.items():
        operations[name] = KerasOperation(NUMPY, class_name, second_operand="y")
    return operations


def _reduction(**class_names: str) -> dict[str, KerasOperation]:
    arguments = {"axis": "axis", "keepdims": "keepdims"}
    operations: dict[str, KerasOperation] = {}
    for name, class_name in class_names.items():
        operations[name] = KerasOperation(NUMPY, class_name, arguments)
    return operations


# By the last part of the name of TensorFlow's function.
OPERATIONS = {
    **_unary(NN, relu="Relu", relu6="Relu6", sigmoid="Sigmoid", silu="Silu", swish="Silu"),
    **_unary(NUMPY, tanh="Tanh", abs="Absolute", square="Square", sqrt="Sqrt", exp="Exp"),
    **_unary(NUMPY, log="Log", negative="Negative", neg="Negative"),
    **_binary(add="Add", sub="Subtract", subtract="Subtract", mul="Multiply", multiply="Multiply"),
    **_binary(truediv="TrueDivide", divide="TrueDivide", pow="Power"),
    **_binary(maximum="Maximum", minimum="Minimum"),
    **_reduction(reduce_mean="Mean", reduce_sum="Sum", reduce_max="Max", reduce_min="Min"),
    "bias_add": KerasOperation(NUMPY, "Add", second_operand="bias"),
    "matmul": KerasOperation(NUMPY, "Matmul", second_operand="b"),
    "rsqrt": KerasOperation("keras.src.ops.math", "Rsqrt"),
    "softmax": KerasOperation(NN, "Softmax", {"axis": "axis"}),
    "leaky_relu": KerasOperation(NN, "LeakyRelu", {"alpha": "negative_slope"}),
    "gelu": KerasOperation(NN, "Gelu", {"approximate": "approximate"}, {"approximate": False}),
    "reshape": KerasOperation(NUMPY, "Reshape", {"shape": "newshape"}),
    "transpose": KerasOperation(NUMPY, "Transpose", {"perm": "axes"}),
    "expand_dims": KerasOperation(NUMPY, "ExpandDims", {"axis": "axis"}),
    "squeeze": KerasOperation(NUMPY, "Squeeze", {"axis": "axis"}),
    "concat": KerasOperation(NUMPY, "Concatenate", {"axis": "axis"}),
    "stack": KerasOperation(NUMPY, "Stack", {"axis": "axis"}),
    "clip_by_value": KerasOperation(
        NUMPY, "Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}
    ),
    "cast": KerasOperation(CORE, "Cast", {"dtype": "dtype"}),
    "pad": KerasOperation(NUMPY, "Pad", {"paddings": "pad_width"}),
    "getitem": KerasOperation(NUMPY, "GetItem", second_operand="slice_spec"),
}
# Arguments that Keras' operations do not have, with the only value that they stand for.
IMPLIED = {"data_format": "NHWC", "mode": "CONSTANT", "constant_values": 0}


def convert(function: str, call: Call) -> tuple[Config, Call] | None:
    """Return the operation that computes what TensorFlow's function does, and its call.

    Args:
        function: dotted name of TensorFlow's function.
        call: its only positional argument is the first operand.

    Returns:
        The operation's config, without a name, and its call; None if there is no such operation.
    """
    name = function.rpartition(".")[2]
    operation = OPERATIONS.get(name)
    if operation is None:
        return None
    arguments: Config = {}
    for key, value in call.kwargs.items():
        if key != "name" and value not in (None, IMPLIED.get(key)):
            arguments[key] = value
    known = {*operation.arguments, operation.second_operand}
    if not known.issuperset(arguments):
        return None
    config = dict(operation.defaults)
    for key, keras_key in operation.arguments.items():
        if key in arguments:
            config[keras_key] = arguments[key]
    operands = call.args[:1]
    if operation.second_operand is not None:
        operand = arguments.get(operation.second_operand)
        operands.append(_constant(operand))
    entry = {
        "module": operation.module,
        "class_name": operation.class_name,
        "registered_name": operation.class_name,
        "config": config,
    }
    return entry, Call(operands, {})


def _constant(value: Any) -> Any:
    """Return a constant operand, or the slices of an indexing operation, as Keras stores them."""
    if isinstance(value, list):
        types = {type(operand) for operand in value}
        if types == {float}:
            config = {"value": value, "dtype": "float32"}
            return {"class_name": "__numpy__", "config": config}
        return [_constant(operand) for operand in value]
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": value}
    if isinstance(value, dict) and value.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    return value
