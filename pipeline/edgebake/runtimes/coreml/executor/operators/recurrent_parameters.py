"""Read the parameters that recurrent layers have in common."""

from dataclasses import dataclass, field

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext


@dataclass(frozen=True)
class Activation:
    """An activation function in ONNX's terms."""

    onnx_name: str
    coefficients: dict[str, float] = field(default_factory=dict)  # alpha and beta


HARD_SIGMOID = Activation("HardSigmoid", {"alpha": 0.2, "beta": 0.5})
ACTIVATIONS = {
    "tanh": Activation("Tanh"),
    "scaled_tanh": Activation("Tanh"),  # Core ML has no parameter for its scales: both are 1
    "sigmoid": Activation("Sigmoid"),
    "hard_sigmoid": HARD_SIGMOID,
    "sigmoid_hard": HARD_SIGMOID,  # the name in the documentation of `rnn`
    "relu": Activation("Relu"),
    "linear": Activation("Affine", {"alpha": 1.0, "beta": 0.0}),
}
DEFAULT_ACTIVATIONS = {
    "recurrent_activation": "sigmoid",
    "cell_activation": "tanh",
    "activation": "tanh",
}


def read_activation(op: OperationContext, parameter: str) -> Activation:
    """Return the activation that a parameter names."""
    name = op.text(parameter, DEFAULT_ACTIVATIONS[parameter]).lower()
    if name not in ACTIVATIONS:
        raise UnsupportedError(f"{parameter} {name}")
    return ACTIVATIONS[name]


def direction_suffixes(op: OperationContext) -> list[str]:
    """Return the suffix of the parameters of each direction."""
    direction = op.text("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise UnsupportedError(f"direction {direction}")
    if direction == "bidirectional":
        return ["", "_back"]
    return [""]


def input_sequence(op: OperationContext) -> GraphTensor:
    """Return x in the order in which the layer reads it, [sequence, batch, channels]."""
    x = op.x
    if op.text("direction", "forward") != "reverse":
        return x
    last = op.int64(-1)
    before_start = op.int64(-(2**31))
    axis = op.int64(0)
    stride = op.int64(-1)
    return op.emit("Slice", x, last, before_start, axis, stride)


def initial_state(op: OperationContext, parameter: str) -> GraphTensor:
    """Return a state [batch, directions * hidden] as [directions, batch, hidden]."""
    directions = len(direction_suffixes(op))
    by_direction = op.reshape(op.tensor(parameter), [0, directions, -1])
    return op.transpose(by_direction, [1, 0, 2])
