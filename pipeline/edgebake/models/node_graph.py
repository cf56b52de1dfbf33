"""Find the part of a graph around a node that has one input and one output.

A tensor that everything between two nodes passes through is found with dominators: a node
dominates another one if every path from the image to it leads through the first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

Index = int  # of a node in the graph, in order of computation
OUTSIDE = -1  # the image, or the end of the graph


# Kinds of operators with weights, in the words of LiteRT and ONNX: no group holds them.
WEIGHTED = frozenset({
    "BATCH_MATMUL", "CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV",
    "Conv", "ConvTranspose", "Gemm", "MatMul",
})  # fmt: skip
LARGEST_GROUP = 32  # nodes


@dataclass(frozen=True)
class Node:
    """An operator, and the tensors that it reads and writes."""

    name: str
    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]


@dataclass(frozen=True)
class NodeGraph:
    """The nodes of a graph and which of them read the results of which."""

    nodes: list[Node]
    sources: list[list[Index]] = field(default_factory=list)  # of each node; OUTSIDE: the image
    readers: list[list[Index]] = field(default_factory=list)  # of each node; OUTSIDE: the output

    @classmethod
    def from_nodes(
        cls, nodes: list[Node], inputs: Collection[str], outputs: Collection[str]
    ) -> NodeGraph:
        """Link the nodes that are computed from the graph's inputs.

        Args:
            nodes: in order of computation.
            inputs: tensors that the graph is given.
            outputs: tensors that it returns.
        """
        producers: dict[str, Index] = dict.fromkeys(inputs, OUTSIDE)
        sources: list[list[Index]] = []
        readers: list[list[Index]] = [[] for _ in nodes]
        for index, node in enumerate(nodes):
            own = sorted({producers[name] for name in node.inputs if name in producers})
            sources.append(own)
            if own:  # otherwise it computes a constant
                producers |= dict.fromkeys(node.outputs, index)
            for source in own:
                if source != OUTSIDE:
                    readers[source].append(index)
        for index, node in enumerate(nodes):
            if not set(outputs).isdisjoint(node.outputs):
                readers[index].append(OUTSIDE)
        return cls(nodes, sources, readers)

    @cached_property
    def dominators(self) -> dict[Index, list[Index]]:
        """Return, for each node, the nodes on every path from the image to it, nearest first."""
        chains: dict[Index, list[Index]] = {OUTSIDE: []}
        for index, sources in enumerate(self.sources):
            chains[index] = _common([_extended(chains, source) for source in sources])
        return chains

    @cached_property
    def postdominators(self) -> dict[Index, list[Index]]:
        """Return, for each node, the nodes on every path from it to the output, nearest first."""
        chains: dict[Index, list[Index]] = {OUTSIDE: []}
        for index in reversed(range(len(self.nodes))):
            chains[index] = _common([_extended(chains, reader) for reader in self.readers[index]])
        return chains

    def region(self, entry: Index, output: Index) -> list[Index]:
        """Return the nodes between two, with the second: all paths through them end there."""
        members = []
        for index in range(entry + 1, output):
            is_after = entry in self.dominators[index] or entry == OUTSIDE
            if is_after and output in self.postdominators[index]:
                members.append(index)
        return [*members, output]

    def group_around(self, index: Index) -> list[Index]:
        """Return the smallest group with one input and one output that is more than a chain.

        It is the node alone if the group would hold weights, or more than LARGEST_GROUP nodes.
        """
        for output in self.postdominators[index]:
            dominators = self.dominators[output]
            entry = dominators[0] if dominators else OUTSIDE
            if entry >= index:  # only a chain of nodes up to here
                continue
            members = self.region(entry, output)
            kinds = {self.nodes[member].kind for member in members}
            if len(members) > LARGEST_GROUP or WEIGHTED & kinds:
                break
            return members
        return [index]


def _extended(chains: dict[Index, list[Index]], index: Index) -> list[Index]:
    """Return a node and the nodes of its chain; the outside is no node."""
    if index == OUTSIDE:
        return []
    return [index, *chains[index]]


def _common(chains: list[list[Index]]) -> list[Index]:
    """Return the elements that all chains have, in their order."""
    if not chains:
        return []
    first, *others = chains
    shared = set(first).intersection(*others)
    return [index for index in first if index in shared]
