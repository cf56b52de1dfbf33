"""Check a SavedModel before TensorFlow loads it, and leave out what loading it does not need.

Loading a SavedModel runs functions of it: those that create and initialize tables, and those that
restore objects of a class of its own. So objects other than variables, constants and functions are
refused, and the graphs may hold only operators of compute_operators.yaml.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.importers import SAVED_MODEL, graph_operators
from edgebake.models.importers.graph_operators import Operation
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

# Kinds of objects that loading only creates.
OBJECTS = (
    "user_object",
    "function",
    "bare_concrete_function",
    "variable",
    "constant",
    "captured_tensor",
)
CLASSES = ("", "tf.TrackableConstant")  # registered with TensorFlow; other objects have none


def parse(path: Path, file: str) -> SavedModel:
    """Parse the SavedModel in a folder; nothing of it is loaded.

    Raises:
        ModelError: it is damaged or empty.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        content = (path / SAVED_MODEL).read_bytes()
        parsed = SavedModel.FromString(content)
    except DecodeError:
        raise ModelError(f"{file}: {SAVED_MODEL} is damaged; copy the folder again") from None
    if not parsed.meta_graphs:
        raise ModelError(f"{file}: {SAVED_MODEL} is empty; copy the folder again")
    return parsed


def refuse_unsafe(saved_model: SavedModel, file: str) -> None:
    """Refuse a SavedModel that does more than compute, when it is loaded or when it is called.

    Raises:
        ModelError: a graph or a function of it holds another operator than those that only
            compute, an object of it runs code when it is loaded, or TensorFlow 1 wrote it.
    """
    allowed = graph_operators.operators("compute", "before_freezing", "not_loaded")
    operations: list[Operation] = []
    for meta_graph in saved_model.meta_graphs:
        operations += graph_operators.unlisted_operations(meta_graph.graph_def, allowed)
    graph_operators.refuse_operations(operations, file)
    if len(saved_model.meta_graphs) > 1 or not saved_model.meta_graphs[0].HasField(
        "object_graph_def"
    ):
        raise ModelError(
            f"{file}: a SavedModel of TensorFlow 1, which runs operations that it names when it is "
            "loaded; expected one of TensorFlow 2: load it there, and save it with "
            "tf.saved_model.save"
        )
    meta_graph = saved_model.meta_graphs[0]
    functions = graph_operators.library(meta_graph.graph_def)
    for function in functions.values():
        graph_operators.refuse_nodes(function.node_def, functions, file)
    graph_operators.refuse_nodes(meta_graph.graph_def.node, functions, file)
    _refuse_callable_checkpoints(meta_graph, file)
    _refuse_objects(meta_graph, file)


def without_checkpoint_functions(saved_model: SavedModel) -> bytes:
    """Return a checked SavedModel without the functions that read and write files of variables.

    TensorFlow reads the variables by code of its own. The variables of an optimizer become plain
    ones, because creating them takes the class of the optimizer.
    """
    copy = type(saved_model)()
    copy.CopyFrom(saved_model)
    for original, meta_graph in zip(saved_model.meta_graphs, copy.meta_graphs, strict=True):
        graph = meta_graph.graph_def
        removed = _checkpoint_functions(original.graph_def)
        graph.ClearField("node")
        graph.library.ClearField("function")
        for node in original.graph_def.node:
            is_kept = removed.keys().isdisjoint(graph_operators.called_functions(node))
            if is_kept and node.op not in _checkpoint_operators():
                graph.node.append(node)
        for function in original.graph_def.library.function:
            if function.signature.name not in removed:
                graph.library.function.append(function)
        for item in meta_graph.object_graph_def.nodes:
            item.ClearField("slot_variables")
    content: bytes = copy.SerializeToString(deterministic=True)
    return content


def _refuse_objects(meta_graph: MetaGraphDef, file: str) -> None:
    """Refuse objects that run functions of the SavedModel, or read files, when they are created.

    Raises:
        ModelError: there is a table, a file, or an object of a registered class.
    """
    for item in meta_graph.object_graph_def.nodes:
        kind = item.WhichOneof("kind")
        problem = ""
        if kind not in OBJECTS:
            problem = f"objects of the kind {kind}"
        elif item.registered_name not in CLASSES:
            problem = f"objects of the class '{printable(item.registered_name)}'"
        elif item.registered_saver or item.saveable_objects:
            problem = "objects that restore themselves"
        if problem:
            raise ModelError(
                f"{file}: holds {problem}, which run functions of the file or read files when it "
                "is loaded; expected only variables, constants and functions. Export the serving "
                "function alone, without tables"
            )


def _refuse_callable_checkpoints(meta_graph: MetaGraphDef, file: str) -> None:
    """Refuse reading and writing of checkpoints in a function that an object has.

    Raises:
        ModelError: there is such a function.
    """
    checkpoint_functions = _checkpoint_functions(meta_graph.graph_def)
    operations: list[Operation] = []
    for name in meta_graph.object_graph_def.concrete_functions:
        if name in checkpoint_functions:
            operations.append(checkpoint_functions[name])
    graph_operators.refuse_operations(operations, file)


def _checkpoint_operators() -> frozenset[str]:
    return graph_operators.operators("not_loaded")


def _checkpoint_functions(graph: tf.compat.v1.GraphDef) -> dict[str, Operation]:
    """Return the functions that read or write checkpoints, also by calling another, by name.

    The value is the first such operation in the function, or in one that it calls.
    """
    listed = graph_operators.operators("compute", "before_freezing")
    operations: dict[str, Operation] = {}
    for operation in graph_operators.unlisted_operations(graph, listed):
        if operation.function:
            operations.setdefault(operation.function, operation)
    callers = _callers(graph)
    waiting = list(operations)
    while waiting:
        name = waiting.pop()
        for caller in callers.get(name, ()):
            if caller not in operations:
                operations[caller] = operations[name]
                waiting.append(caller)
    return operations


def _callers(graph: tf.compat.v1.GraphDef) -> dict[str, list[str]]:
    """Return the functions that call each function, by its name."""
    callers: dict[str, list[str]] = {}
    for function in graph.library.function:
        for node in function.node_def:
            for called in graph_operators.called_functions(node):
                callers.setdefault(called, []).append(function.signature.name)
    return callers
