"""Find the nodes that compute in float together with an operator without an integer kernel.

A normalization or an exact GELU is a group of small operators around a square root or an erf. If
only that one stayed in float, its neighbors would round every step to 8 bits for nothing: the group
reads one tensor and writes one, and needs two casts in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx

from edgebake.models.onnx.dominators import OUTSIDE, Index, NodeGraph

# Operators that no decomposition writes in integers, so that their group is known before one is
# tried. Others without an integer kernel, for example a linear Resize, stay in float by themselves.
FLOAT_ONLY = frozenset({
    "Abs", "Ceil", "Celu", "Cos", "Div", "Elu", "Erf", "Exp", "Floor", "Gelu", "GroupNormalization",
    "InstanceNormalization", "LayerNormalization", "Log", "LogSoftmax", "Max", "Min", "Mish", "Mod",
    "Pow", "Reciprocal", "ReduceL2", "ReduceLogSumExp", "ReduceMin", "ReduceProd", "Round", "Selu",
    "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "ThresholdedRelu",
})  # fmt: skip
# A group never holds these: they have integer kernels, and weights.
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
LARGEST = 32  # nodes of a group


def float_regions(graph: onnx.GraphProto, constants: Collection[str]) -> Mapping[str, list[str]]:
    """Return the names of the nodes of the group around each node that has to compute in float.

    Args:
        graph: its nodes have names.
        constants: names of the stored tensors.
    """
    links = NodeGraph.from_graph(graph)
    regions = {}
    for index, node in enumerate(links.nodes):
        if node.op_type in FLOAT_ONLY and not _divides_by_constant(node, constants):
            members = _group(links, index)
            regions[node.name] = [links.nodes[member].name for member in members]
    return regions


def _group(links: NodeGraph, index: Index) -> list[Index]:
    """Return the smallest group with one input and one output that holds more than a chain."""
    for output in links.postdominators[index]:
        dominators = links.dominators[output]
        entry = dominators[0] if dominators else OUTSIDE
        if entry >= index:  # only a chain of nodes up to here
            continue
        members = links.region(entry, output)
        kinds = {links.nodes[member].op_type for member in members}
        if len(members) > LARGEST or WEIGHTED & kinds:
            break
        return members
    return [index]


def _divides_by_constant(node: onnx.NodeProto, constants: Collection[str]) -> bool:
    return node.op_type == "Div" and node.input[1] in constants
