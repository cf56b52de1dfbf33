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
        self._bias = op.literal(op.constant(f"bias{suffix}", np.zeros(4 * hidden)))
        peepholes = op.constant(f"peephole{suffix}", np.zeros(3 * hidden))
        # Of the input gate, the forget gate and the output gate.
        self._peepholes = [op.literal(peephole) for peephole in np.split(peepholes, 3)]
        self._gate_sizes = op.int64([hidden] * 4)

    def run(self, h: GraphTensor, c: GraphTensor) -> tuple[GraphTensor, GraphTensor, GraphTensor]:
        """Return every h as [sequence, batch, hidden], the last h and the last c."""
        op = self._op
        inputs = op.emit("MatMul", input_sequence(op), self._input_weight) + self._bias
        steps = list(range(op.shape("x")[0]))
        if self._is_backward:
            steps.reverse()
        states = []
        for step in steps:
            step_input = op.emit("Gather", inputs, op.int64(step))
            h, c = self._step(step_input, h, c)
            states.append(h)
        if self._is_backward:
            states.reverse()
        return op.emit("Concat", *states, axis=0), h, c

    def _step(
        self, step_input: GraphTensor, h: GraphTensor, c: GraphTensor
    ) -> tuple[GraphTensor, GraphTensor]:
        """Return h and c after one step."""
        op = self._op
        gates = step_input + op.emit("MatMul", h, self._state_weight)
        i, f, o, z = op.emit_many(4, "Split", gates, self._gate_sizes, axis=-1)
        remembered = self._gate(f, c, self._peepholes[1]) * c
        candidate = self._activate("cell_activation", z)
        added = self._gate(i, c, self._peepholes[0]) * candidate
        clip = op.number("clip")
        c = op.emit("Clip", remembered + added, -clip, clip)
        output_gate = self._gate(o, c, self._peepholes[2])
        return output_gate * self._activate("activation", c), c

    def _gate(self, gate: GraphTensor, c: GraphTensor, peephole: GraphTensor) -> GraphTensor:
        return self._activate("recurrent_activation", gate + peephole * c)

    def _activate(self, parameter: str, tensor: GraphTensor) -> GraphTensor:
        activation = read_activation(self._op, parameter)
        if activation.onnx_name == "Affine":  # the identity
            return tensor
        return self._op.emit(activation.onnx_name, tensor, **activation.coefficients)
