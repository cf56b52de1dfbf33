"""Inspect SavedModels by their serving signature. TensorFlow parses the graph and runs nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError, listed
from edgebake.models.importers import SAVED_MODEL, graph_operators, random_graphs, saved_model_check
from edgebake.models.importers.saved_model import SERVING
from edgebake.models.inspection.model_info import LOGITS, ModelInfo, TensorInfo
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef, SignatureDef, TensorInfoProto
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    Nodes = Iterable[tf.compat.v1.NodeDef]
    Functions = Mapping[str, FunctionDef]  # of a graph's library, by name

# Variables that are no parameters: of the optimizer, of metrics, and a second list of all.
UNCOUNTED_VARIABLES = ("optimizer", "_all_variables/", "keras_api/metrics")
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# Operations that are not listed in a report.
UNLISTED_OPERATIONS = {
    "Const",
    "Identity",
    "IdentityN",
    "NoOp",
    "Placeholder",
    "ReadVariableOp",
    "VarHandleOp",
    *CALLS,
}
SHOWN_NAMES = 10  # of signatures, in a message
MAX_NUMBERS = 2**48  # of a variable
MAX_DIGITS = 6  # of the number of an output
# Final activation by the operation that computes the output.
FINAL_ACTIVATIONS = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    "BiasAdd": LOGITS,
    "AddV2": LOGITS,
    "MatMul": LOGITS,
    "Mean": LOGITS,
}


def read(path: Path) -> ModelInfo:
    """Inspect the serving signature of a SavedModel.

    Raises:
        ModelError: it is damaged, or has no serving signature.
    """
    with _silent_stderr():
        import tensorflow  # noqa: F401 - its import prints
    saved_model = saved_model_check.parse(path, str(path))
    meta_graph = _meta_graph(saved_model)
    signature = _serving_signature(meta_graph, path)
    graph = meta_graph.graph_def
    functions = {function.signature.name: function for function in graph.library.function}
    inputs = sorted(signature.inputs.items())
    outputs = sorted(signature.outputs.items())
    output_names = [tensor.name for _, tensor in outputs]
    serving_nodes = random_graphs.ancestors(graph.node, output_names)
    refusal = _refusal(saved_model, serving_nodes, path)
    operations = _operations(serving_nodes, functions)
    operation_counts = Counter(operations)
    version = meta_graph.meta_info_def.tensorflow_version or "of an unknown version"
    return ModelInfo(
        format="keras",
        container="SavedModel",
        producer=f"TensorFlow {version}",
        file_size=_folder_size(path),
        inputs=tuple(_tensor_info(name, tensor) for name, tensor in inputs),
        outputs=tuple(_tensor_info(name, tensor) for name, tensor in outputs),
        final_activation=_activation_of_first(outputs, graph.node, functions),
        parameters=_count_parameters(path),
        operator_counts=_without(operation_counts, UNLISTED_OPERATIONS),
        unsupported=refusal,
    )


def _folder_size(folder: Path) -> int:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(file.stat().st_size for file in files)


def _refusal(saved_model: SavedModel, serving_nodes: Nodes, path: Path) -> str | None:
    """Return why an import would be refused; None if it would not."""
    functions = graph_operators.library(_meta_graph(saved_model).graph_def)
    try:
        saved_model_check.refuse_unsafe(saved_model, str(path))
        # A branch may never run; the import finds out.
        random_graphs.refuse(serving_nodes, functions, str(path), branches=False)
    except ModelError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Discard what is written to file descriptor 2, below Python's sys.stderr."""
    original = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
        os.close(null)


def _meta_graph(saved_model: SavedModel) -> MetaGraphDef:
    """Return the meta graph with the tag `serve`, or else the first."""
    graphs = saved_model.meta_graphs
    for graph in graphs:
        if "serve" in graph.meta_info_def.tags:
            return graph
    return graphs[0]


def _serving_signature(graph: MetaGraphDef, path: Path) -> SignatureDef:
    names = [name for name in graph.signature_def if not name.startswith("__")]
    if SERVING in names:
        return graph.signature_def[SERVING]
    if len(names) != 1:
        raise ModelError(
            f"{path}: has the signatures {listed(names[:SHOWN_NAMES])}; expected {SERVING}: "
            "model.export('folder')"
        )
    return graph.signature_def[names[0]]


def _tensor_info(name: str, tensor: TensorInfoProto) -> TensorInfo:
    from tensorflow import dtypes

    shape: list[int | None] = []
    for dimension in tensor.tensor_shape.dim:
        is_open = dimension.size < 0
        shape.append(None if is_open else int(dimension.size))
    try:
        dtype = dtypes.as_dtype(tensor.dtype)
    except TypeError:
        raise ValueError(
            f"tensor {printable(name)!r} has the unknown dtype {tensor.dtype}"
        ) from None
    return TensorInfo(name, tuple(shape), str(dtype.name))


def _operations(nodes: Nodes, functions: Functions) -> Iterator[str]:
    """Yield the type of every operation, and of those in called functions, each function once."""
    visited: set[str] = set()
    bodies = [nodes]
    while bodies:
        for node in bodies.pop():
            yield node.op
            called = _called_function(node)
            if called in functions and called not in visited:
                visited.add(called)
                bodies.append(functions[called].node_def)


def _called_function(node: tf.compat.v1.NodeDef) -> str:
    """Return the name of the function that a node calls; empty if it calls none."""
    if node.op not in CALLS:
        return ""
    return str(node.attr["f"].func.name)


def _without(counts: Counter[str], names: set[str]) -> Counter[str]:
    return Counter({name: count for name, count in counts.items() if name not in names})


def _activation_of_first(
    outputs: list[tuple[str, TensorInfoProto]], nodes: Nodes, functions: Functions
) -> str | None:
    if not outputs:
        return None
    _, tensor = outputs[0]
    return _final_activation(tensor.name, nodes, functions)


def _final_activation(tensor: str, nodes: Nodes, functions: Functions) -> str | None:
    """Return the activation function that computes a tensor, here or in a called function."""
    visited: set[str] = set()
    node, index = _producer(tensor, nodes)
    while node is not None and node.op in CALLS:
        called = _called_function(node)
        if called not in functions or called in visited:
            return None
        visited.add(called)
        function = functions[called]
        returned = _returned_tensor(function, index)
        node, index = _producer(returned, function.node_def)
    if node is None:
        return None
    return FINAL_ACTIVATIONS.get(node.op)


def _producer(tensor: str, nodes: Nodes) -> tuple[tf.compat.v1.NodeDef | None, str]:
    """Return the node that computes a tensor and is no Identity, and which output of it that is."""
    by_name = {node.name: node for node in nodes}
    name, _, index = tensor.partition(":")
    node = by_name.pop(name, None)
    # A loop of Identity nodes ends: each is taken once.
    while node is not None and node.op == "Identity" and node.input:
        name, _, index = node.input[0].partition(":")
        node = by_name.pop(name, None)
    return node, index


def _returned_tensor(function: FunctionDef, index: str) -> str:
    """Return the tensor inside a function that is an output of it; empty if there is none."""
    _, _, digits = index.rpartition(":")
    outputs = [output.name for output in function.signature.output_arg]
    if digits and not digits.isdecimal():
        return ""
    number = int(digits[:MAX_DIGITS] or 0)
    if number >= len(outputs):
        return ""
    return str(function.ret.get(outputs[number], ""))


def _count_parameters(path: Path) -> int:
    """Return how many numbers the float variables of a SavedModel have."""
    from tensorflow import train

    try:
        prefix = path / "variables" / "variables"
        checkpoint = train.load_checkpoint(str(prefix))
        dtypes = checkpoint.get_variable_to_dtype_map()
        shapes = checkpoint.get_variable_to_shape_map()
    except (OSError, ValueError, RuntimeError) as error:
        summary = str(error).splitlines()[0]
        raise ModelError(
            f"{path}: cannot be read ({summary}); expected {SAVED_MODEL} and all of variables/"
        ) from None
    parameters = 0
    for name, shape in shapes.items():
        is_variable = "/.ATTRIBUTES/" in name and dtypes[name].is_floating
        is_uncounted = any(fragment in name for fragment in UNCOUNTED_VARIABLES)
        if is_variable and not is_uncounted:
            parameters += _size(shape)
    return parameters


def _size(shape: list[int]) -> int:
    """Return how many numbers a variable has.

    Raises:
        ValueError: no variable can have this shape.
    """
    numbers = 1
    for size in shape:
        numbers *= size
        if size < 0 or numbers > MAX_NUMBERS:
            raise ValueError(
                f"a variable has the shape {printable(shape, max_length=60)}; expected one that a "
                "file can hold"
            )
    return numbers
