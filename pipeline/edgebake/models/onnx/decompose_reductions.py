"""Write means, sums and maxima over axes as products with constants and as pools.

Every function takes a node and its graph, to which it may add initializers, and returns the nodes
that compute the same, or None if axes or shapes are not known.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgebake.models.onnx.graph import add_initializer, attribute_values, initializers, shapes


@dataclass(frozen=True)
class Reduction:
    """The tensor that is reduced, and the result."""

    x: str
    output: str
    shape: tuple[int, ...]  # of x
    axes: tuple[int, ...]  # that are reduced, ascending
    output_shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return how many values each result is made of."""
        return prod(self.shape[axis] for axis in self.axes)

    @property
    def results(self) -> int:
        """Return the number of results."""
        return prod(self.shape) // self.count


def mean(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """Return a mean as a product with 1 / n."""
    reduction = _reduction(node, graph)
    if reduction is None:
        return None
    return _product(reduction, graph, 1 / reduction.count)


def total(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """Return a sum as a product with 1."""
    reduction = _reduction(node, graph)
    if reduction is None:
        return None
    return _product(reduction, graph, 1.0)


def maximum(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """Return a maximum as a pool."""
    reduction = _reduction(node, graph)
    if reduction is None:
        return None
    rows = f"{reduction.output}_rows"
    pooled = f"{reduction.output}_pooled"
    shape = (1, reduction.results, reduction.count, 1)
    pool = helper.make_node(
        "MaxPool",
        inputs=[rows],
        outputs=[pooled],
        name=f"{pooled}_maxpool",
        kernel_shape=[reduction.count, 1],
    )
    return [*_to_rows(reduction, graph, rows, shape), pool, _to_output(reduction, graph, pooled)]


def _product(reduction: Reduction, graph: onnx.GraphProto, factor: float) -> list[onnx.NodeProto]:
    rows = f"{reduction.output}_rows"
    column = f"{reduction.output}_column"
    shape = (1, reduction.results, reduction.count)
    ones = np.full((reduction.count, 1), factor, np.float32)
    weights = add_initializer(graph, f"{reduction.output}_weights", ones)
    product = helper.make_node(
        "MatMul", inputs=[rows, weights], outputs=[column], name=f"{column}_matmul"
    )
    return [*_to_rows(reduction, graph, rows, shape), product, _to_output(reduction, graph, column)]


def _to_rows(
    reduction: Reduction, graph: onnx.GraphProto, rows: str, shape: tuple[int, ...]
) -> list[onnx.NodeProto]:
    """Return the nodes that bring the reduced axes to the end, and give the tensor a shape."""
    ordered = reduction.x
    nodes = []
    remaining = [axis for axis in range(len(reduction.shape)) if axis not in reduction.axes]
    order = [*remaining, *reduction.axes]
    if order != sorted(order):
        ordered = f"{rows}_ordered"
        transpose = helper.make_node(
            "Transpose", [reduction.x], [ordered], name=f"{ordered}_transpose", perm=order
        )
        nodes.append(transpose)
    nodes.append(_reshape(graph, ordered, rows, shape))
    return nodes


def _to_output(reduction: Reduction, graph: onnx.GraphProto, column: str) -> onnx.NodeProto:
    return _reshape(graph, column, reduction.output, reduction.output_shape)


def _reshape(graph: onnx.GraphProto, x: str, output: str, shape: tuple[int, ...]) -> onnx.NodeProto:
    sizes = add_initializer(graph, f"{output}_sizes", np.array(shape, np.int64))
    return helper.make_node("Reshape", inputs=[x, sizes], outputs=[output], name=f"{output}_shape")


def _reduction(node: onnx.NodeProto, graph: onnx.GraphProto) -> Reduction | None:
    x = node.input[0]
    output = node.output[0]
    known = shapes(graph)
    if x not in known or output not in known:
        return None
    shape = known[x]
    axes = _axes(node, graph, len(shape))
    if axes is None:
        return None
    return Reduction(x, output, shape, axes, known[output])


def _axes(node: onnx.NodeProto, graph: onnx.GraphProto, rank: int) -> tuple[int, ...] | None:
    """Return the axes that a node reduces, ascending; None if they are not stored."""
    attributes = attribute_values(node)
    axes = attributes.get("axes", [])
    if node.op_type == "GlobalMaxPool":
        axes = range(2, rank)
    elif len(node.input) > 1 and node.input[1]:
        tensor = initializers(graph).get(node.input[1])
        if tensor is None:
            return None
        axes = numpy_helper.to_array(tensor).tolist()
    elif not axes:
        if attributes.get("noop_with_empty_axes"):
            return None
        axes = range(rank)
    return tuple(sorted(axis % rank for axis in axes))
