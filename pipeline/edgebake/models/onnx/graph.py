"""Read and change the parts of an ONNX graph: attributes, initializers and nodes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import helper, numpy_helper


def standard_operators() -> frozenset[str]:
    """Return the names of the operators that the ONNX standard defines."""
    names = set()
    for schema in onnx.defs.get_all_schemas():
        if schema.domain == "":
            names.add(schema.name)
    return frozenset(names)


def attribute_values(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes by name."""
    values = {}
    for attribute in node.attribute:
        values[attribute.name] = helper.get_attribute_value(attribute)
    return values


def initializers(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Return a graph's initializers by name."""
    return {tensor.name: tensor for tensor in graph.initializer}


def ranks(graph: onnx.GraphProto) -> dict[str, int]:
    """Return the number of axes of each tensor that has a shape in the graph."""
    numbers = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            numbers[value.name] = len(tensor.shape.dim)
    return numbers


def shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor whose sizes are all known."""
    known = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        sizes = tuple(dimension.dim_value for dimension in tensor.shape.dim)
        if tensor.HasField("shape") and all(sizes):
            known[value.name] = sizes
    return known


def producers_by_tensor(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """Return the node that writes each tensor."""
    producers: dict[str, onnx.NodeProto] = {}
    for node in graph.node:
        producers |= dict.fromkeys(node.output, node)
    return producers


def readers_by_tensor(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    """Return the nodes that read each tensor."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers_of_tensor = readers.setdefault(name, [])
            readers_of_tensor.append(node)
    return readers


def add_initializer(graph: onnx.GraphProto, name: str, value: ArrayLike) -> str:
    """Add an array of any shape to a graph's initializers; return its name."""
    array = np.array(value)
    tensor = numpy_helper.from_array(array, name)
    graph.initializer.append(tensor)
    return name


def name_nodes(graph: onnx.GraphProto) -> None:
    """Give each node without a name of its own one, after its first output, in place."""
    names: set[str] = set()
    for node in graph.node:
        if not node.name or node.name in names:
            node.name = f"{node.output[0]}_node"
        names.add(node.name)


def replace_nodes(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Replace all nodes of a graph; some of the new ones may be nodes of the graph itself."""
    # Deleting nodes from the graph would empty the nodes themselves.
    copies = []
    for node in nodes:
        serialized = node.SerializeToString()
        copies.append(onnx.NodeProto.FromString(serialized))
    del graph.node[:]
    graph.node.extend(copies)
