"""Look up the ids of a model's inputs as they are.

Keras counts negative ids from the end of a table, in three operators of its own for each lookup,
which become eight in ONNX. The ids of an input are never negative: its contract says the largest,
and 0 is the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.models import frozen_function
from edgebake.models.graph_nodes import constant_value

if TYPE_CHECKING:
    import tensorflow as tf

CHOICES = ("Select", "SelectV2")
# Operators that move ids, or give them another type.
MOVES = ("Cast", "ExpandDims", "Identity", "Reshape", "Squeeze", "Transpose")


def without_negative_ids(
    frozen: tf.types.experimental.ConcreteFunction,
) -> tf.types.experimental.ConcreteFunction:
    """Return a frozen function without the operators for negative ids, if it has any.

    They compute `ids < 0 ? ids + rows : ids`; this is `ids` for all that are not negative.
    """
    chosen = {}
    for operation in frozen.graph.get_operations():
        if operation.type in CHOICES and _chooses_ids(operation):
            chosen[operation.name] = operation.inputs[2].name
    if not chosen:
        return frozen
    graph = frozen.graph.as_graph_def()
    for node in graph.node:
        if node.name in chosen:
            node.op = "Identity"
            ids = chosen[node.name]
            node.input[:] = [ids]
    return frozen_function.from_graph(graph, frozen.inputs, frozen.outputs)


def _chooses_ids(operation: tf.Operation) -> bool:
    """Return whether an operator chooses between ids of an input and others if these are < 0."""
    is_negative, _, ids = operation.inputs
    if not ids.dtype.is_integer or is_negative.op.type != "Less":
        return False
    compared, limit = is_negative.op.inputs
    if compared.name != ids.name:
        return False
    zero = constant_value(limit)
    if zero is None or zero.any():
        return False
    return _is_input(ids)


def _is_input(tensor: tf.Tensor) -> bool:
    """Return whether a tensor holds the numbers of an input of the graph."""
    operation = tensor.op
    while operation.type in MOVES and operation.inputs[0].dtype.is_integer:
        operation = operation.inputs[0].op
    return bool(operation.type == "Placeholder")
