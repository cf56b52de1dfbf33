"""Write the nodes of an ONNX graph as Python expressions."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import FLOAT, Attribute, GraphBuilder
from edgebake.runtimes.coreml.executor.mil import Array

# An input of a node: a number or an array becomes a float32 constant, None leaves an optional
# input out.
Operand: TypeAlias = "GraphTensor | float | Array | None"


@dataclass(frozen=True)
class GraphTensor:
    """A tensor of an ONNX graph. Arithmetic on it adds nodes; shapes broadcast as in NumPy."""

    name: str
    graph: GraphBuilder

    # Makes NumPy leave `array * tensor` to this class.
    __array_ufunc__ = None

    def __add__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Add", self, operand)

    def __radd__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Add", operand, self)

    def __sub__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Sub", self, operand)

    def __rsub__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Sub", operand, self)

    def __mul__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Mul", self, operand)

    def __rmul__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Mul", operand, self)

    def __truediv__(self, operand: Operand) -> "GraphTensor":
        return self._combine("Div", self, operand)

    def __matmul__(self, operand: Operand) -> "GraphTensor":
        return self._combine("MatMul", self, operand)

    def _combine(self, kind: str, first: Operand, second: Operand) -> "GraphTensor":
        (tensor,) = add_nodes(self.graph, kind, (first, second), 1)
        return tensor


def add_nodes(
    graph: GraphBuilder,
    kind: str,
    operands: tuple[Operand, ...],
    outputs: int,
    **attributes: Attribute,
) -> list[GraphTensor]:
    """Add a node, and constants for those operands that are numbers or arrays of any shape."""
    inputs = [_input_name(graph, operand) for operand in operands]
    names = graph.add_node(kind, *inputs, outputs=outputs, **attributes)
    return [GraphTensor(name, graph) for name in names]


def _input_name(graph: GraphBuilder, operand: Operand) -> str:
    if operand is None:
        return ""  # ONNX's way to leave an input out
    if isinstance(operand, GraphTensor):
        return operand.name
    return graph.add_constant(np.asarray(operand), FLOAT)
