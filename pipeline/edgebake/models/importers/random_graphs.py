"""Refuse graphs of TensorFlow whose answers are drawn by chance, as those of augmentation are.

Keras 3 exports layers of augmentation as they are in training: `model.export('folder')` writes a
graph that flips and turns each image. Which of its operators were augmentation, no graph says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.importers import graph_operators
from edgebake.models.importers.graph_operators import Operation
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import tensorflow as tf

    from edgebake.models.importers.graph_operators import Functions, Nodes

# Read variables, and do not change what a later answer is.
READS = frozenset(
    (
        "DisableCopyOnRead",
        "ReadVariableOp",
        "ResourceGather",
        "ResourceGatherNd",
        "VarHandleOp",
        "VarIsInitializedOp",
        "VariableShape",
    )
)
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
SHOWN_OPERATORS = 4  # in a message


def refuse(nodes: Nodes, functions: Functions, file: str, branches: bool = True) -> None:
    """Refuse nodes that draw random numbers or write variables, themselves or in functions.

    Args:
        nodes: that the answers of a graph depend on.
        functions: of the graph's library.
        file: its name in messages.
        branches: whether branches and loops count, of which some may never run.

    Raises:
        ModelError: there is such a node.
    """
    changing = graph_operators.operators("before_freezing") - READS
    by_operator: dict[str, Operation] = {}
    for operation in _operations(nodes, functions, branches):
        if operation.operator in changing:
            by_operator.setdefault(operation.operator, operation)
    if not by_operator:
        return
    names = sorted(by_operator)
    text = ", ".join(printable(name) for name in names[:SHOWN_OPERATORS])
    raise ModelError(
        f"{file}: training is on in its serving signature, which draws random numbers or "
        f"writes variables: {text} ({by_operator[names[0]]}); expected a graph that answers an "
        "image always alike. Import the .keras or .h5 file of the model, of which augmentation is "
        "left out"
    )


def ancestors(nodes: Nodes, tensors: Iterable[str]) -> list[tf.compat.v1.NodeDef]:
    """Return the nodes that tensors are computed from; those that save and load are no part."""
    by_name = {node.name: node for node in nodes}
    reached: dict[str, tf.compat.v1.NodeDef] = {}
    waiting = list(tensors)
    while waiting:
        tensor = waiting.pop().lstrip("^")
        name = tensor.partition(":")[0]
        if name in by_name and name not in reached:
            node = by_name[name]
            reached[name] = node
            waiting += node.input
    return list(reached.values())


def _operations(nodes: Nodes, functions: Functions, branches: bool) -> Iterator[Operation]:
    """Yield every node, and those of the functions that it calls, each function once."""
    visited: set[str] = set()
    bodies = [("", nodes)]
    while bodies:
        function, body = bodies.pop()
        for node in body:
            yield Operation(node.op, node.name, function)
            if not branches and node.op not in CALLS:
                continue
            for called in graph_operators.called_functions(node):
                if called in functions and called not in visited:
                    visited.add(called)
                    bodies.append((called, functions[called].node_def))
