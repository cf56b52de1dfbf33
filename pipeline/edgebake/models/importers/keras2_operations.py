"""A TensorFlow call in a model of Keras 2 in, the operation of Keras 3 that computes the same out."""

from dataclasses import dataclass, field
from typing import Any

NUMPY, NN, CORE = "keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.core"


@dataclass(frozen=True)
class Operation:
    """What Keras 3 calls it."""

    module: str
    kind: str
    settings: dict[str, str] = field(default_factory=dict)  # TensorFlow's word -> Keras'
    defaults: dict[str, Any] = field(
        default_factory=dict
    )  # Keras' words, where Keras has another default
    second: str | None = None  # the word of its second operand


def _plain(module: str, **kinds: str) -> dict[str, Operation]:
    return {name: Operation(module, kind) for name, kind in kinds.items()}


def _binary(**kinds: str) -> dict[str, Operation]:
    return {name: Operation(NUMPY, kind, second="y") for name, kind in kinds.items()}


def _reduction(**kinds: str) -> dict[str, Operation]:
    words = {"axis": "axis", "keepdims": "keepdims"}
    return {name: Operation(NUMPY, kind, words) for name, kind in kinds.items()}


OPERATIONS = {
    **_plain(NN, relu="Relu", relu6="Relu6", sigmoid="Sigmoid", silu="Silu", swish="Silu"),
    **_plain(
        NUMPY, tanh="Tanh", abs="Absolute", square="Square", sqrt="Sqrt", exp="Exp", log="Log"
    ),
    **_plain(NUMPY, negative="Negative", neg="Negative"),
    **_binary(add="Add", sub="Subtract", subtract="Subtract", mul="Multiply", multiply="Multiply"),
    **_binary(
        truediv="TrueDivide", divide="TrueDivide", maximum="Maximum", minimum="Minimum", pow="Power"
    ),
    **_reduction(reduce_mean="Mean", reduce_sum="Sum", reduce_max="Max", reduce_min="Min"),
    "bias_add": Operation(NUMPY, "Add", second="bias"),
    "matmul": Operation(NUMPY, "Matmul", second="b"),
    "rsqrt": Operation("keras.src.ops.math", "Rsqrt"),
    "softmax": Operation(NN, "Softmax", {"axis": "axis"}),
    "leaky_relu": Operation(NN, "LeakyRelu", {"alpha": "negative_slope"}),
    "gelu": Operation(NN, "Gelu", {"approximate": "approximate"}, {"approximate": False}),
    "reshape": Operation(NUMPY, "Reshape", {"shape": "newshape"}),
    "transpose": Operation(NUMPY, "Transpose", {"perm": "axes"}),
    "expand_dims": Operation(NUMPY, "ExpandDims", {"axis": "axis"}),
    "squeeze": Operation(NUMPY, "Squeeze", {"axis": "axis"}),
    "concat": Operation(NUMPY, "Concatenate", {"axis": "axis"}),
    "stack": Operation(NUMPY, "Stack", {"axis": "axis"}),
    "clip_by_value": Operation(
        NUMPY, "Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}
    ),
    "cast": Operation(CORE, "Cast", {"dtype": "dtype"}),
    "pad": Operation(NUMPY, "Pad", {"paddings": "pad_width"}),
    "getitem": Operation(NUMPY, "GetItem", second="slice_spec"),
}
# What is also Keras' way; another value is refused.
USUAL = {"data_format": "NHWC", "mode": "CONSTANT", "constant_values": 0}


def made(
    function: str, first: Any, words: dict[str, Any]
) -> tuple[dict[str, Any], list[Any]] | None:
    """Return (an operation's entry in a config of Keras 3 without its name, what it is called with), or nothing.

    `first` is the first operand, `words` what TensorFlow's function was called with besides.
    """
    operation = OPERATIONS.get(function.rsplit(".", maxsplit=1)[-1])
    given = {
        word: value
        for word, value in words.items()
        if value not in (None, USUAL.get(word)) and word != "name"
    }
    if operation is None or not set(given) <= {*operation.settings, operation.second}:
        return None
    config = {
        **operation.defaults,
        **{word: given[key] for key, word in operation.settings.items() if key in given},
    }
    operands = (
        [first] if operation.second is None else [first, _operand(given.get(operation.second))]
    )
    entry = {
        "module": operation.module,
        "class_name": operation.kind,
        "registered_name": operation.kind,
    }
    return {**entry, "config": config}, operands


def _operand(value: Any) -> Any:
    """Return a constant or what a tensor is cut by."""
    if isinstance(value, list) and value and all(isinstance(item, float) for item in value):
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}
    if isinstance(value, list):
        return [_operand(item) for item in value]
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": value}
    if isinstance(value, dict) and value.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    return value
