"""Find the operators of normalizations, which compute in float in files that compute in integers.

A converter writes a layer, group, instance or root mean square normalization as a mean, a variance,
a square root, and products and sums of these. The quotient of two numbers with few steps loses what
the layer is for: where the variance of an image is a hundredth of the largest one, 8 bits hold two
or three steps of it. They are no multiply-accumulates, and the layer reads one tensor and writes
one.
"""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.models.node_graph import OUTSIDE, Index, NodeGraph

# Kinds of operators, in the words of LiteRT and ONNX.
ROOTS = frozenset({"RSQRT", "SQRT", "Sqrt"})
MEANS = frozenset({
    "AVERAGE_POOL_2D", "MEAN", "SUM",
    "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "ReduceSumSquare",
})  # fmt: skip
DIFFERENCES = frozenset({"SUB", "Sub"})
WHOLE = frozenset({
    "GroupNormalization", "InstanceNormalization", "LayerNormalization", "RMSNormalization",
    "SimplifiedLayerNormalization",
})  # fmt: skip


def normalization_nodes(graph: NodeGraph) -> set[Index]:
    """Return the nodes of all normalizations of a graph."""
    members: set[Index] = set()
    for index, node in enumerate(graph.nodes):
        if node.kind in WHOLE:
            members.add(index)
        elif node.kind in ROOTS:
            group = graph.group_around(index)
            if any(graph.nodes[member].kind in MEANS for member in group):
                members.update(group)
                members.update(_centering_before(graph, group[0]))
    return members


def _centering_before(graph: NodeGraph, first: Index) -> list[Index]:
    """Return the nodes that subtract the mean, if only their result enters a group.

    Args:
        graph: of all nodes.
        first: node of the group.
    """
    dominators = graph.dominators[first]
    if not dominators or graph.nodes[dominators[0]].kind not in DIFFERENCES:
        return []
    difference, *others = dominators
    entry = others[0] if others else OUTSIDE
    return graph.region(entry, difference)


def has_normalization(kinds: Iterable[str]) -> bool:
    """Return whether some of the kinds of operators occur in normalizations alone."""
    return not (ROOTS | WHOLE).isdisjoint(kinds)
