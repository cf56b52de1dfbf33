"""Translate recurrent layers. Sequences are [sequence, batch, channels] in Core ML and in ONNX.

With direction `reverse`, the states are in the order in which they were computed, from the last
step of x. Those of a bidirectional layer are at the step of x that they belong to.
Where the equations of coremltools' documentation and its tests differ, the tests hold.
"""

from collections.abc import Sequence

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import Attribute
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import Array
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.clipped_lstm import ClippedLstm
from edgebake.runtimes.coreml.executor.operators.recurrent_parameters import (
    DEFAULT_ACTIVATIONS,
    direction_suffixes,
    initial_state,
    input_sequence,
    read_activation,
)
from edgebake.runtimes.coreml.executor.registry import operator

# ONNX's order of the gates, as indices into Core ML's order.
GRU_GATES = [2, 0, 1]
LSTM_GATES = [0, 2, 1, 3]
LSTM_PEEPHOLES = [0, 2, 1]


@operator
def rnn(op: OperationContext) -> list[GraphTensor]:
    """Return the states h = activation(W x + R h + b), and the last state."""
    return _recurrent_layer(op, "RNN", [0], ["activation"])


@operator
def gru(op: OperationContext) -> list[GraphTensor]:
    """Return the states h = (1 - z) o + z h with o = activation(W x + R (r h) + b), and the last.

    With `reset_after` (iOS 18), o = activation(W x + input_bias + r (R h + bias)), as in PyTorch.
    """
    activations = ["recurrent_activation", "activation"]
    reset_after = op.flag("reset_after")
    return _recurrent_layer(op, "GRU", GRU_GATES, activations, linear_before_reset=int(reset_after))


@operator
def lstm(op: OperationContext) -> list[GraphTensor]:
    """Return the states h = o activation(c), the last h, and the last c = f c + i z."""
    if op.has("clip"):
        return _clipped_lstm(op)
    activations = list(DEFAULT_ACTIVATIONS)
    return _recurrent_layer(op, "LSTM", LSTM_GATES, activations)


def _recurrent_layer(
    op: OperationContext,
    kind: str,
    gates: Sequence[int],
    activations: Sequence[str],
    **attributes: Attribute,
) -> list[GraphTensor]:
    """Add ONNX's operator for the layer; `gates` is its order of the gates."""
    attributes |= _activation_attributes(op, activations)
    attributes["hidden_size"] = _hidden_size(op)
    attributes["direction"] = "forward"
    if len(direction_suffixes(op)) == 2:
        attributes["direction"] = "bidirectional"
    input_bias = _gate_biases(op, "input_bias", gates)
    state_bias = _gate_biases(op, "bias", gates)
    biases = np.concatenate([input_bias, state_bias], axis=1)
    initial_states = []
    for parameter in ("initial_h", "initial_c"):
        if op.has(parameter):
            initial_states.append(initial_state(op, parameter))
    all_states, *last_states = op.emit_many(
        1 + len(initial_states),
        kind,
        input_sequence(op),
        _gate_weights(op, "weight_ih", gates),
        _gate_weights(op, "weight_hh", gates),
        biases,
        None,  # sequence_lens: every sequence has the length of x
        *initial_states,
        *_peepholes(op),
        **attributes,
    )
    last_states = [_join_directions(op, state) for state in last_states]
    if not op.flag("output_sequence"):
        last_h = op.unsqueeze(last_states[0], 0)
        return [last_h, *last_states]
    batch_first = op.transpose(all_states, [0, 2, 1, 3])
    joined = op.reshape(batch_first, [0, 0, -1])
    return [joined, *last_states]


def _hidden_size(op: OperationContext) -> int:
    _, hidden = op.shape("weight_hh")
    return hidden


def _join_directions(op: OperationContext, state: GraphTensor) -> GraphTensor:
    """Return a state [directions, batch, hidden] as [batch, directions * hidden]."""
    batch_first = op.transpose(state, [1, 0, 2])
    return op.reshape(batch_first, [0, -1])


def _peepholes(op: OperationContext) -> list[Array]:
    if op.has("peephole") or op.has("peephole_back"):
        return [_gate_biases(op, "peephole", LSTM_PEEPHOLES)]
    return []


def _gate_weights(op: OperationContext, parameter: str, gates: Sequence[int]) -> Array:
    """Return the weights in ONNX's order of the gates, [directions, gates * hidden, ...]."""
    weights = []
    for suffix in direction_suffixes(op):
        weight = op.constant(f"{parameter}{suffix}")
        weights.append(_reorder(weight, gates))
    return np.stack(weights)


def _gate_biases(op: OperationContext, parameter: str, gates: Sequence[int]) -> Array:
    """Return biases or peepholes, 0 by default, [directions, gates * hidden]."""
    count = len(gates) * _hidden_size(op)
    zeros = np.zeros(count)
    biases = []
    for suffix in direction_suffixes(op):
        bias = op.constant(f"{parameter}{suffix}", zeros)
        biases.append(_reorder(bias, gates))
    return np.stack(biases)


def _reorder(parameter: Array, gates: Sequence[int]) -> Array:
    by_gate = np.split(parameter, len(gates))
    reordered = [by_gate[gate] for gate in gates]
    return np.concatenate(reordered)


def _activation_attributes(op: OperationContext, parameters: Sequence[str]) -> dict[str, Attribute]:
    """Return ONNX's attributes: names, and the alphas and betas of those that have them."""
    names: list[str] = []
    coefficients: dict[str, list[float]] = {"alpha": [], "beta": []}
    for _ in direction_suffixes(op):
        for parameter in parameters:
            activation = read_activation(op, parameter)
            names.append(activation.onnx_name)
            for coefficient, value in activation.coefficients.items():
                coefficients[coefficient].append(value)
    attributes: dict[str, Attribute] = {"activations": names}
    for coefficient, values in coefficients.items():
        if values:
            attributes[f"activation_{coefficient}"] = values
    return attributes


def _clipped_lstm(op: OperationContext) -> list[GraphTensor]:
    """Unroll an LSTM with `clip`: Core ML clips the cell, ONNX's LSTM the inputs of the gates."""
    returns_sequence = op.flag("output_sequence")
    all_states = []
    last_h = []
    last_c = []
    for index, suffix in enumerate(direction_suffixes(op)):
        direction = op.int64(index)
        initial_h = initial_state(op, "initial_h")
        h = op.emit("Gather", initial_h, direction)
        initial_c = initial_state(op, "initial_c")
        c = op.emit("Gather", initial_c, direction)
        layer = ClippedLstm(op, suffix)
        all_h, h, c = layer.run(h, c)
        last_h.append(h)
        last_c.append(c)
        if returns_sequence:
            all_states.append(all_h)
        else:
            all_states.append(h)
    states = op.concat(all_states, -1)
    h = op.concat(last_h, -1)
    c = op.concat(last_c, -1)
    h = op.emit("Squeeze", h, op.int64(0))
    c = op.emit("Squeeze", c, op.int64(0))
    return [states, h, c]
