"""Unroll an LSTM that clips its cell."""

import numpy as np

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.recurrent_parameters import (
    input_sequence,
    read_activation,
)


class ClippedLstm:
    """One direction of an LSTM. States are [1, batch, hidden]."""

    def __init__(self, op: OperationContext, suffix: str) -> None:
        """Read the parameters; their names end with `suffix`: `_back` for the second direction."""
        hidden = op.shape("weight_hh")[1]
        self._op = op
        self._is_backward = suffix == "_back"
        input_weight = op.constant(f"weight_ih{suffix}")
        self._input_weight = op.literal(input_weight.T)
        state_weight = op.constant(f"weight_hh{suffix}")
        self._state_weight = op.literal(state_weight.T)
        zero_bias = np.zeros(4 * hidden)
        bias = op.constant(f"bias{suffix}", zero_bias)
        self._bias = op.literal(bias)
        zero_peepholes = np.zeros(3 * hidden)
        peepholes = op.constant(f"peephole{suffix}", zero_peepholes)
        input_peephole, forget_peephole, output_peephole = np.split(peepholes, 3)
        self._input_peephole = op.literal(input_peephole)
        self._forget_peephole = op.literal(forget_peephole)
        self._output_peephole = op.literal(output_peephole)
        self._gate_sizes = op.int64([hidden] * 4)

    def run(self, h: GraphTensor, c: GraphTensor) -> tuple[GraphTensor, GraphTensor, GraphTensor]:
        """Return every h as [sequence, batch, hidden], the last h and the last c."""
        op = self._op
        x = input_sequence(op)
        inputs = x @ self._input_weight + self._bias
        length = op.shape("x")[0]
        steps = list(range(length))
        if self._is_backward:
            steps.reverse()
        states = []
        for step in steps:
            index = op.int64(step)
            step_input = op.emit("Gather", inputs, index)
            h, c = self._step(step_input, h, c)
            states.append(h)
        if self._is_backward:
            states.reverse()
        all_h = op.concat(states, 0)
        return all_h, h, c

    def _step(
        self, step_input: GraphTensor, h: GraphTensor, c: GraphTensor
    ) -> tuple[GraphTensor, GraphTensor]:
        """Return h and c after one step."""
        op = self._op
        gates = step_input + h @ self._state_weight
        i, f, o, z = op.emit_many(4, "Split", gates, self._gate_sizes, axis=-1)
        forget_gate = self._gate(f, c, self._forget_peephole)
        remembered = forget_gate * c
        input_gate = self._gate(i, c, self._input_peephole)
        candidate = self._activate("cell_activation", z)
        added = input_gate * candidate
        clip = op.number("clip")
        c = op.clip(remembered + added, -clip, clip)
        output_gate = self._gate(o, c, self._output_peephole)
        activated = self._activate("activation", c)
        h = output_gate * activated
        return h, c

    def _gate(self, gate: GraphTensor, c: GraphTensor, peephole: GraphTensor) -> GraphTensor:
        total = gate + peephole * c
        return self._activate("recurrent_activation", total)

    def _activate(self, parameter: str, tensor: GraphTensor) -> GraphTensor:
        activation = read_activation(self._op, parameter)
        if activation.onnx_name == "Affine":  # the identity
            return tensor
        return self._op.emit(activation.onnx_name, tensor, **activation.coefficients)
