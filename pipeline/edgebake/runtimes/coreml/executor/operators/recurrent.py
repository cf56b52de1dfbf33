"""Recurrent layers, [sequence, batch, channels] as in ONNX, which has their gates in another order.

With direction `reverse` the states come in the order in which they were computed, the last place of x first; those of
a bidirectional layer stand at their places. Where equations and tests of coremltools differ, the tests count.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator

Activation = tuple[str, dict[str, float]]  # as ONNX names it, and its parameters

HARD_SIGMOID: Activation = ("HardSigmoid", {"alpha": 0.2, "beta": 0.5})
ACTIVATIONS: dict[str, Activation] = {
    "tanh": ("Tanh", {}),
    "scaled_tanh": ("Tanh", {}),  # both scales are 1 where nothing else can be said
    "sigmoid": ("Sigmoid", {}),
    "hard_sigmoid": HARD_SIGMOID,
    "sigmoid_hard": HARD_SIGMOID,  # the name in rnn's documentation
    "relu": ("Relu", {}),
    "linear": ("Affine", {"alpha": 1.0, "beta": 0.0}),
}
GATES = {"recurrent_activation": "sigmoid", "cell_activation": "tanh", "activation": "tanh"}


@operator
def rnn(call: OperationContext) -> list[str]:
    """Return the states h = activation(W x + R h + b), and the last one."""
    return _layer(call, "RNN", [0], ["activation"])


@operator
def gru(call: OperationContext) -> list[str]:
    """Return the states h = (1 - z) o + z h, and the last one, with o = activation(W x + R (r h) + b).

    With `reset_after` (iOS 18) it is o = activation(W x + input_bias + r (R h + bias)), as in PyTorch.
    """
    after = int(call.flag("reset_after"))
    return _layer(
        call, "GRU", [2, 0, 1], ["recurrent_activation", "activation"], linear_before_reset=after
    )


@operator
def lstm(call: OperationContext) -> list[str]:
    """Return the states h = o activation(c), the last one, and the last c = f c + i z."""
    if call.has("clip"):
        return _clipped(call)
    return _layer(call, "LSTM", [0, 2, 1, 3], list(GATES))


def _layer(
    call: OperationContext,
    kind: str,
    order: Sequence[int],
    activations: Sequence[str],
    **attributes: Any,
) -> list[str]:
    """Write ONNX's operator; `order` says which of Core ML's gates stands at each place of ONNX's."""
    directions = _directions(call)
    weights = [_gates(call, parameter, order) for parameter in ("weight_ih", "weight_hh")]
    bias = np.concatenate([_gates(call, "input_bias", order), _gates(call, "bias", order)], axis=1)
    states = [parameter for parameter in ("initial_h", "initial_c") if call.has(parameter)]
    inputs = [call.literal(value) for value in (*weights, bias)]
    inputs += [
        "",
        *(_by_direction(call, state) for state in states),
    ]  # "": every sequence is as long as x
    if call.has("peephole") or call.has("peephole_back"):
        inputs.append(call.literal(_gates(call, "peephole", [0, 2, 1])))
    attributes |= _activation_attributes(call, activations) | {
        "hidden_size": call.shape("weight_hh")[1]
    }
    attributes["direction"] = "bidirectional" if len(directions) == 2 else "forward"
    every, *last = call.emit_many(len(states) + 1, kind, _input(call), *inputs, **attributes)
    finals = [call.reshape(call.transpose(state, [1, 0, 2]), [0, -1]) for state in last]
    if call.flag("output_sequence"):
        return [call.reshape(call.transpose(every, [0, 2, 1, 3]), [0, 0, -1]), *finals]
    return [call.emit("Unsqueeze", finals[0], call.indices([0])), *finals]


def _directions(call: OperationContext) -> list[str]:
    """Return what the parameters of each direction end in."""
    direction = call.text("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise UnsupportedError(f"direction {direction}")
    return ["", "_back"] if direction == "bidirectional" else [""]


def _input(call: OperationContext) -> str:
    x = call.tensor("x")
    if call.text("direction", "forward") != "reverse":
        return x
    begin, end, axis, step = (call.indices([number]) for number in (-1, -(2**31), 0, -1))
    return call.emit("Slice", x, begin, end, axis, step)


def _gates(call: OperationContext, parameter: str, order: Sequence[int]) -> NDArray[Any]:
    """Return a parameter of every direction, gates in another order; all but weights are 0 where they are not given."""
    zeros = (
        None
        if parameter.startswith("weight")
        else np.zeros(len(order) * call.shape("weight_hh")[1])
    )
    found = []
    for suffix in _directions(call):
        gates = np.split(call.constant(parameter + suffix, zeros), len(order))
        found.append(np.concatenate([gates[gate] for gate in order]))
    return np.stack(found)


def _by_direction(call: OperationContext, state: str) -> str:
    """Return [batch, directions * hidden] as [directions, batch, hidden]."""
    split = call.reshape(call.tensor(state), [0, len(_directions(call)), -1])
    return call.transpose(split, [1, 0, 2])


def _activation(call: OperationContext, parameter: str) -> Activation:
    name = call.text(parameter, GATES[parameter]).lower()
    if name not in ACTIVATIONS:
        raise UnsupportedError(f"{parameter} {name}")
    return ACTIVATIONS[name]


def _activation_attributes(call: OperationContext, parameters: Sequence[str]) -> dict[str, Any]:
    """Return what ONNX calls the activations; parameters stand in a row for those that have any."""
    found = [_activation(call, parameter) for _ in _directions(call) for parameter in parameters]
    attributes: dict[str, Any] = {"activations": [name for name, _ in found]}
    for word in ("alpha", "beta"):
        numbers = [given[word] for _, given in found if given]
        if numbers:
            attributes[f"activation_{word}"] = numbers
    return attributes


def _clipped(call: OperationContext) -> list[str]:
    """Write an LSTM step by step: it clips the cell, where ONNX clips what goes into the gates."""
    parts = []
    for number, suffix in enumerate(_directions(call)):
        here = call.indices([number])
        h, c = (
            call.emit("Gather", _by_direction(call, state), here)
            for state in ("initial_h", "initial_c")
        )
        every, h, c = _Cell(call, suffix).run(h, c)
        parts.append([every if call.flag("output_sequence") else h, h, c])
    joined = [call.emit("Concat", *part, axis=-1) for part in zip(*parts, strict=True)]
    return [joined[0], *(call.emit("Squeeze", state, call.indices([0])) for state in joined[1:])]


class _Cell:
    """One direction of an LSTM; everything is [1, batch, ...]."""

    def __init__(self, call: OperationContext, suffix: str) -> None:
        self.call, self.backward = call, suffix == "_back"
        self.weights = [
            call.literal(call.constant(name + suffix).T) for name in ("weight_ih", "weight_hh")
        ]
        size = call.shape("weight_hh")[1]
        self.bias = call.literal(call.constant(f"bias{suffix}", np.zeros(4 * size)))
        peephole = call.constant(f"peephole{suffix}", np.zeros(3 * size))
        self.peephole = [call.literal(part) for part in np.split(peephole, 3)]
        self.sizes = call.indices([size] * 4)

    def run(self, h: str, c: str) -> tuple[str, str, str]:
        """Return every h in one tensor, the last h and the last c."""
        call = self.call
        inner = call.emit("Add", call.emit("MatMul", _input(call), self.weights[0]), self.bias)
        length, every = call.shape("x")[0], []
        for place in reversed(range(length)) if self.backward else range(length):
            h, c = self._step(call.emit("Gather", inner, call.indices([place])), h, c)
            every.append(h)
        return call.emit("Concat", *(every[::-1] if self.backward else every), axis=0), h, c

    def _step(self, inner: str, h: str, c: str) -> tuple[str, str]:
        call, clip = self.call, self.call.number("clip")
        gates = call.emit("Add", inner, call.emit("MatMul", h, self.weights[1]))
        i, f, o, z = call.emit_many(4, "Split", gates, self.sizes, axis=-1)
        kept = call.emit("Mul", self._gate(f, c, 1), c)
        added = call.emit("Mul", self._gate(i, c, 0), self._active("cell_activation", z))
        c = call.emit(
            "Clip", call.emit("Add", kept, added), call.literal(-clip), call.literal(clip)
        )
        return call.emit("Mul", self._gate(o, c, 2), self._active("activation", c)), c

    def _gate(self, gate: str, c: str, number: int) -> str:
        seen = self.call.emit("Mul", self.peephole[number], c)
        return self._active("recurrent_activation", self.call.emit("Add", gate, seen))

    def _active(self, parameter: str, tensor: str) -> str:
        name, given = _activation(self.call, parameter)
        return tensor if name == "Affine" else self.call.emit(name, tensor, **given)
