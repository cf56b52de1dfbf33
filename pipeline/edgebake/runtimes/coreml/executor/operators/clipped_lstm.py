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
        self._input_weight = op.literal(op.constant(f"weight_ih{suffix}").T)
        self._state_weight = op.literal(op.constant(f"weight_hh{suffix}").T)
        bias = op.constant(f"bias{suffix}", np.zeros(4 * hidden))
        self._bias = op.literal(bias)
        peepholes = op.constant(f"peephole{suffix}", np.zeros(3 * hidden))
        input_peephole, forget_peephole, output_peephole = np.split(peepholes, 3)
        self._input_peephole = op.literal(input_peephole)
        self._forget_peephole = op.literal(forget_peephole)
        self._output_peephole = op.literal(output_peephole)
        self._gate_sizes = op.int64([hidden] * 4)

    def run(self, h: GraphTensor, c: GraphTensor) -> tuple[GraphTensor, GraphTensor, GraphTensor]:
        """Return every h as [sequence, batch, hidden], the last h and the last c."""
        op = self._op
        inputs = input_sequence(op) @ self._input_weight + self._bias
        length = op.shape("x")[0]
        steps = list(range(length))
        if self._is_backward:
            steps.reverse()
        states = []
        for step in steps:
            step_input = op.emit("Gather", inputs, op.int64(step))
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
        added = input_gate * self._activate("cell_activation", z)
        clip = op.number("clip")
        c = op.clip(remembered + added, -clip, clip)
        output_gate = self._gate(o, c, self._output_peephole)
        h = output_gate * self._activate("activation", c)
        return h, c

    def _gate(self, gate: GraphTensor, c: GraphTensor, peephole: GraphTensor) -> GraphTensor:
        total = gate + peephole * c
        return self._activate("recurrent_activation", total)

    def _activate(self, parameter: str, tensor: GraphTensor) -> GraphTensor:
        activation = read_activation(self._op, parameter)
        if activation.onnx_name == "Affine":  # the identity
            return tensor
        return self._op.emit(activation.onnx_name, tensor, **activation.coefficients)
