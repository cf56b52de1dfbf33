"""The folder of a SavedModel in, what its serving signature says out. TensorFlow reads it, and runs nothing of it."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgebake.errors import ModelError, listed
from edgebake.models.importers import SAVED_MODEL
from edgebake.models.importers.saved_model import SERVING, UNSAFE_OPERATIONS
from edgebake.models.inspection.model_info import LOGITS, ModelInfo, TensorInfo

UNCOUNTED = (
    "optimizer",
    "_all_variables/",
    "keras_api/metrics",
)  # the second are the first ones again
PLUMBING = {
    *("Const", "Identity", "IdentityN", "NoOp", "Placeholder", "ReadVariableOp", "VarHandleOp"),
    *("PartitionedCall", "StatefulPartitionedCall"),
}
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
ENDINGS = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    **dict.fromkeys(("BiasAdd", "AddV2", "MatMul", "Mean"), LOGITS),
}


def read(path: Path) -> ModelInfo:
    """Return what the serving signature of a SavedModel says.

    Raises:
        ModelError: it is damaged, or has no signature to serve by.
    """
    with _quiet():
        import tensorflow  # noqa: F401 - its import prints, which _quiet() hides
    graph = _meta_graph(path)
    signature = _signature(graph, path)
    library = {function.signature.name: function for function in graph.graph_def.library.function}
    outputs = sorted(signature.outputs.items())
    serving = _reached(graph.graph_def.node, [info.name for _, info in outputs])
    operations = Counter(_operations(serving, library, set()))
    acting = sorted(set(operations) & UNSAFE_OPERATIONS)
    return ModelInfo(
        format="keras",
        container="SavedModel",
        producer=f"TensorFlow {graph.meta_info_def.tensorflow_version or 'of an unknown version'}",
        file_size=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        inputs=tuple(_end(name, info) for name, info in sorted(signature.inputs.items())),
        outputs=tuple(_end(name, info) for name, info in outputs),
        final_activation=_last(outputs[0][1].name, graph.graph_def.node, library)
        if outputs
        else None,
        parameters=_parameters(path),
        operator_counts=Counter(
            {kind: count for kind, count in operations.items() if kind not in PLUMBING}
        ),
        unsupported=f"it holds {listed(acting)}, which do more than compute" if acting else None,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what TensorFlow says of this machine while it is imported, written below Python's sys.stderr, to itself."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _meta_graph(path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        graphs = SavedModel.FromString((path / SAVED_MODEL).read_bytes()).meta_graphs
    except DecodeError:
        graphs = []
    if not graphs:
        raise ModelError(f"{path}: {SAVED_MODEL} is damaged or empty; copy the folder again")
    return next((graph for graph in graphs if "serve" in graph.meta_info_def.tags), graphs[0])


def _signature(graph: Any, path: Path) -> Any:
    names = [name for name in graph.signature_def if not name.startswith("__")]
    if SERVING not in names and len(names) != 1:
        raise ModelError(
            f"{path}: has the signatures {listed(names)}; expected {SERVING}: model.export('folder')"
        )
    return graph.signature_def[SERVING if SERVING in names else names[0]]


def _end(name: str, info: Any) -> TensorInfo:
    from tensorflow import dtypes

    shape = tuple(None if dim.size < 0 else int(dim.size) for dim in info.tensor_shape.dim)
    return TensorInfo(name, shape, str(dtypes.as_dtype(info.dtype).name))


def _reached(nodes: Any, tensors: Sequence[str]) -> list[Any]:
    """Return the nodes that these tensors are computed from: saving and loading lie beside them."""
    named, waiting = {node.name: node for node in nodes}, list(tensors)
    found: dict[str, Any] = {}
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name in named and name not in found:
            found[name] = named[name]
            waiting += named[name].input
    return list(found.values())


def _operations(nodes: Any, library: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Yield the kind of every operation, in functions that are called too."""
    for node in nodes:
        yield node.op
        name = node.attr["f"].func.name if node.op in CALLS else ""
        if name in library and name not in seen:
            seen.add(name)
            yield from _operations(library[name].node_def, library, seen)


def _last(tensor: str, nodes: Any, library: dict[str, Any]) -> str | None:
    """Return the activation that a tensor comes from, through calls of functions."""
    named = {node.name: node for node in nodes}
    name, _, rest = tensor.partition(":")
    node = named.get(name)
    while node is not None and node.op == "Identity":
        name, _, rest = node.input[0].partition(":")
        node = named.get(name)
    if node is None or node.op not in CALLS:
        return ENDINGS.get(node.op) if node is not None else None
    function = library.get(node.attr["f"].func.name)
    if function is None:
        return None
    place = int(rest.rpartition(":")[2] or 0)
    return _last(
        function.ret[function.signature.output_arg[place].name], function.node_def, library
    )


def _parameters(path: Path) -> int:
    from tensorflow import train

    try:
        held = train.load_checkpoint(str(path / "variables" / "variables"))
        dtypes, shapes = held.get_variable_to_dtype_map(), held.get_variable_to_shape_map()
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(
            f"{path}: cannot be read ({first}); expected {SAVED_MODEL} and all of variables/"
        ) from None
    names = [
        name
        for name in shapes
        if "/.ATTRIBUTES/" in name and not any(word in name for word in UNCOUNTED)
    ]
    return sum(math.prod(shapes[name]) for name in names if dtypes[name].is_floating)
