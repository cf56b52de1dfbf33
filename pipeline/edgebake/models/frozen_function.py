"""Freeze TensorFlow functions: variables become constants, and calls the operators they call.

TensorFlow has no public function for it; this module alone imports the private one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.function_pb2 import FunctionDef

# Attributes of a function that TensorFlow does not inline. Keras compiles grouped convolutions
# with XLA, without which TensorFlow cannot train them on a CPU. No converter knows calls.
NOT_INLINED = ("_XlaMustCompile", "_noinline")


def freeze(
    concrete: tf.types.experimental.ConcreteFunction, keep_loops: bool = False
) -> tf.types.experimental.ConcreteFunction:
    """Return a function with all variables as constants.

    Args:
        concrete: the function.
        keep_loops: keep loops and branches as operators that call functions. Lowered to operators
            of TensorFlow 1, they cannot be run as a part of another function.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(concrete, lower_control_flow=not keep_loops)


def inline_calls(
    frozen: tf.types.experimental.ConcreteFunction,
) -> tf.types.experimental.ConcreteFunction:
    """Return a frozen function in which no operator calls a function that could be inlined."""
    graph = frozen.graph.as_graph_def()
    if not _allow_inlining(graph):
        return frozen
    return freeze(from_graph(graph, frozen.inputs, frozen.outputs))


def from_graph(
    graph: tf.compat.v1.GraphDef, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]
) -> tf.types.experimental.ConcreteFunction:
    """Return the function of a graph without variables.

    Args:
        graph: of operators.
        inputs: tensors of any graph with the names and shapes of the function's inputs.
        outputs: tensors of any graph with the names of its outputs.
    """
    import tensorflow

    def load() -> None:
        tensorflow.graph_util.import_graph_def(graph, name="")

    loaded = tensorflow.compat.v1.wrap_function(load, [])
    feeds = [loaded.graph.get_tensor_by_name(tensor.name) for tensor in inputs]
    fetches = [loaded.graph.get_tensor_by_name(tensor.name) for tensor in outputs]
    function = loaded.prune(feeds, fetches)
    for feed, tensor in zip(function.inputs, inputs, strict=True):
        feed.set_shape(tensor.shape)
    return function


def _allow_inlining(graph: tf.compat.v1.GraphDef) -> bool:
    """Let TensorFlow inline all functions of a graph, in place; return whether it did not."""
    new_names: dict[str, str] = {}
    for function in graph.library.function:
        marks = [mark for mark in NOT_INLINED if function.attr.pop(mark, None) is not None]
        if marks:
            # The process still knows the function of the old name.
            old_name = function.signature.name
            new_names[old_name] = _unique_name(function)
            function.signature.name = new_names[old_name]
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes += function.node_def
    for node in nodes:
        for mark in NOT_INLINED:
            node.attr.pop(mark, None)
        for attribute in node.attr.values():
            if attribute.func.name in new_names:  # to assign any other would make it a function
                attribute.func.name = new_names[attribute.func.name]
    return bool(new_names)


def _unique_name(function: FunctionDef) -> str:
    content = function.SerializeToString(deterministic=True)
    digest = hashlib.sha256(content).hexdigest()
    return f"{function.signature.name}_{digest[:16]}"
