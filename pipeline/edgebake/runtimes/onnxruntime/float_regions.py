"""Find the nodes that compute in float together with an operator without an integer kernel.

A normalization or an exact GELU is a group of small operators around a square root or an erf. If
only that one stayed in float, its neighbors would round every step to 8 bits for nothing: the group
reads one tensor and writes one, and needs two casts in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx

from edgebake.models.node_graph import Node, NodeGraph

# Operators that no decomposition writes in integers, so that their group is known before one is
# tried. Others without an integer kernel, for example a linear Resize, stay in float by themselves.
FLOAT_ONLY = frozenset({
    "Abs", "Ceil", "Celu", "Cos", "Div", "Elu", "Erf", "Exp", "Floor", "Gelu", "GroupNormalization",
    "InstanceNormalization", "LayerNormalization", "Log", "LogSoftmax", "Max", "Min", "Mish", "Mod",
    "Pow", "Reciprocal", "ReduceL2", "ReduceLogSumExp", "ReduceMin", "ReduceProd", "Round", "Selu",
    "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "ThresholdedRelu",
})  # fmt: skip


def float_regions(graph: onnx.GraphProto, constants: Collection[str]) -> Mapping[str, list[str]]:
    """Return the names of the nodes of the group around each node that has to compute in float.

    Args:
        graph: its nodes have names.
        constants: names of the stored tensors.
    """
    links = node_graph(graph)
    regions = {}
    for index, node in enumerate(graph.node):
        if node.op_type in FLOAT_ONLY and not _divides_by_constant(node, constants):
            members = links.group_around(index)
            regions[node.name] = [links.nodes[member].name for member in members]
    return regions


def node_graph(graph: onnx.GraphProto) -> NodeGraph:
    """Return the nodes of an ONNX graph, and which of them read the results of which."""
    nodes = []
    for node in graph.node:
        nodes.append(Node(node.name, node.op_type, node.input, node.output))
    inputs = [value.name for value in graph.input]
    outputs = [value.name for value in graph.output]
    return NodeGraph.from_nodes(nodes, inputs, outputs)


def _divides_by_constant(node: onnx.NodeProto, constants: Collection[str]) -> bool:
    return node.op_type == "Div" and node.input[1] in constants
