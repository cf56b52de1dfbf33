"""Find the part of a graph around a node that has one input and one output.

A tensor that everything between two nodes passes through is found with dominators: a node
dominates another one if every path from the image to it leads through the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import onnx

Index = int  # of a node in the graph, in order of computation
OUTSIDE = -1  # the image, or the end of the graph


@dataclass(frozen=True)
class NodeGraph:
    """The nodes of a graph and which of them read the results of which."""

    nodes: list[onnx.NodeProto]
    sources: list[list[Index]] = field(default_factory=list)  # of each node; OUTSIDE: the image
    readers: list[list[Index]] = field(default_factory=list)  # of each node; OUTSIDE: the output

    @classmethod
    def from_graph(cls, graph: onnx.GraphProto) -> NodeGraph:
        """Link the nodes that are computed from the graph's input."""
        producers: dict[str, Index] = {value.name: OUTSIDE for value in graph.input}
        nodes = list(graph.node)
        sources: list[list[Index]] = []
        readers: list[list[Index]] = [[] for _ in nodes]
        for index, node in enumerate(nodes):
            own = sorted({producers[name] for name in node.input if name in producers})
            sources.append(own)
            if own:  # otherwise it computes a constant
                producers |= dict.fromkeys(node.output, index)
            for source in own:
                if source != OUTSIDE:
                    readers[source].append(index)
        outputs = {value.name for value in graph.output}
        for index, node in enumerate(nodes):
            if outputs.intersection(node.output):
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
