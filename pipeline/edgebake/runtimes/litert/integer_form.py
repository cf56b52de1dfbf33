"""Rewrite operators of a float .tflite for integer kernels; the values stay the same.

- HARD_SWISH becomes ADD with RELU6, MUL and MUL: XNNPACK has no integer kernel for it, and LiteRT's
  own is slower than the float one (benchmarks/hard_swish.py).
- NEG and SQUARE, which have no int8 kernels, become MUL, and ADD_N becomes ADD.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables

RELU6 = schema.ActivationFunctionType.RELU6
NO_ACTIVATION = schema.ActivationFunctionType.NONE


def integer_form(model: bytes) -> bytes:
    """Return the float .tflite without the operators that are rewritten for integers."""
    parsed = tables.parse(model)
    graph = _Graph(parsed)
    if not graph.rewrite():
        return model
    return tables.serialize(parsed)


class _Graph:
    """The main subgraph of a file, to which operators and constants are added."""

    def __init__(self, model: schema.ModelT) -> None:
        self._model = model
        self._graph: schema.SubGraphT = model.subgraphs[0]
        self._operators: list[schema.OperatorT] = []

    def rewrite(self) -> bool:
        """Rewrite the operators; return whether there was one to rewrite."""
        rewriters: dict[str, Callable[[list[int], int], None]] = {
            "ADD_N": self._add_all,
            "HARD_SWISH": self._hard_swish,
            "NEG": self._negate,
            "SQUARE": self._square,
        }
        changed = False
        for operator in self._graph.operators:
            kind = tables.builtin_name(self._model.operatorCodes[operator.opcodeIndex])
            target = operator.outputs[0]
            is_float = self._graph.tensors[target].type == schema.TensorType.FLOAT32
            if kind in rewriters and is_float:
                rewriters[kind](list(operator.inputs), target)
                changed = True
            else:
                self._operators.append(operator)
        self._graph.operators = self._operators
        return changed

    def _hard_swish(self, sources: list[int], target: int) -> None:
        (source,) = sources
        shifted = self._like(target, "shifted")
        gate = self._like(target, "gate")
        self._append_add((source, self._constant(3.0), shifted), RELU6)
        self._append_mul((shifted, self._constant(1 / 6), gate))
        self._append_mul((source, gate, target))

    def _negate(self, sources: list[int], target: int) -> None:
        (source,) = sources
        self._append_mul((source, self._constant(-1.0), target))

    def _square(self, sources: list[int], target: int) -> None:
        (source,) = sources
        self._append_mul((source, source, target))

    def _add_all(self, sources: list[int], target: int) -> None:
        """Append the sums of the first two, three, ... terms."""
        first, *others, last = sources
        total = first
        for number, term in enumerate(others):
            partial = self._like(target, f"sum_{number}")
            self._append_add((total, term, partial), NO_ACTIVATION)
            total = partial
        self._append_add((total, last, target), NO_ACTIVATION)

    def _append_add(self, tensors: tuple[int, int, int], activation: int) -> None:
        options = schema.AddOptionsT()
        options.fusedActivationFunction = activation
        self._append("ADD", tensors, options)

    def _append_mul(self, tensors: tuple[int, int, int]) -> None:
        self._append("MUL", tensors, schema.MulOptionsT())

    def _append(
        self,
        kind: str,
        tensors: tuple[int, int, int],
        options: schema.AddOptionsT | schema.MulOptionsT,
    ) -> None:
        first, second, output = tensors
        operator = schema.OperatorT()
        operator.opcodeIndex = tables.operator_code(self._model, kind)
        operator.inputs = [first, second]
        operator.outputs = [output]
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(
            schema.BuiltinOptions, type(options).__name__.removesuffix("T")
        )
        self._operators.append(operator)

    def _like(self, index: int, suffix: str) -> int:
        """Add a float tensor with the shape of another one, whose name it extends."""
        tensor = self._graph.tensors[index]
        added = schema.TensorT()
        added.name = f"{tensor.name.decode()}/{suffix}".encode()
        added.shape = tensor.shape
        added.shapeSignature = tensor.shapeSignature
        added.type = schema.TensorType.FLOAT32
        self._graph.tensors.append(added)
        return len(self._graph.tensors) - 1

    def _constant(self, value: float) -> int:
        """Add a float scalar."""
        buffer = schema.BufferT()
        buffer.data = np.array([value], np.float32).view(np.uint8)
        self._model.buffers.append(buffer)
        tensor = schema.TensorT()
        tensor.name = f"constant {value:g}, number {len(self._graph.tensors)}".encode()
        tensor.shape = np.array([], np.int32)
        tensor.type = schema.TensorType.FLOAT32
        tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
