"""Find the operators of normalizations in a .tflite file."""

from __future__ import annotations

from edgebake.models.node_graph import Node, NodeGraph
from edgebake.models.normalizations import normalization_nodes
from edgebake.runtimes.litert.workload import TfliteFile


def normalization_operators(file: TfliteFile) -> set[int]:
    """Return the numbers of the operators of normalizations."""
    running = list(file.running())
    nodes = []
    for number in running:
        operator = file.graph.operators[number]
        inputs = [file.names[index] for index in operator.inputs if index >= 0]
        outputs = [file.names[index] for index in operator.outputs]
        nodes.append(Node(str(number), file.kind(number), inputs, outputs))
    graph_inputs = [file.names[index] for index in file.graph.inputs]
    graph_outputs = [file.names[index] for index in file.graph.outputs]
    graph = NodeGraph.from_nodes(nodes, graph_inputs, graph_outputs)
    return {running[index] for index in normalization_nodes(graph)}
