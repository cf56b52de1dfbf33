"""Read and change the parts of an ONNX graph: attributes, initializers and nodes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import helper, numpy_helper


def attribute_values(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def initializers(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Return a graph's initializers by name."""
    return {tensor.name: tensor for tensor in graph.initializer}


def add_initializer(graph: onnx.GraphProto, name: str, value: ArrayLike) -> str:
    """Add an array of any shape to a graph's initializers; return its name."""
    graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    return name


def replace_nodes(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Replace all nodes of a graph; some of the new ones may be nodes of the graph itself."""
    # Deleting nodes from the graph would empty the nodes themselves.
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
