"""The folder of a SavedModel in, a Keras model of one layer that runs its frozen graph out."""

from pathlib import Path
from typing import Any

import numpy as np

from edgebake.errors import ModelError, listed
from edgebake.models.importers import SAVED_MODEL, graph_layer

SERVING = "serving_default"
# They run Python, read or write files, or reach other machines.
REFUSED = {
    *(
        "PyFunc",
        "PyFuncStateless",
        "EagerPyFunc",
        "ReadFile",
        "WriteFile",
        "MatchingFiles",
        "LoadDataset",
    ),
    *(
        "SaveDataset",
        "SaveDatasetV2",
        "SaveSlices",
        "TextLineReaderV2",
        "WholeFileReaderV2",
        "TFRecordReaderV2",
    ),
    *(
        "FixedLengthRecordReaderV2",
        "TextLineDataset",
        "TFRecordDataset",
        "FixedLengthRecordDataset",
        "SqlDataset",
    ),
    *(
        "InitializeTableFromTextFileV2",
        "InitializeTableFromTextFile",
        "GeneratorDataset",
        "RpcCall",
        "RpcClient",
    ),
    *(
        "DebugIdentityV2",
        "DebugIdentityV3",
        "DebugIdentity",
        "PrintV2",
        "CreateSummaryFileWriter",
        "ImportEvent",
    ),
    *(
        "LookupTableExportV2",
        "RemoteCall",
        "DataServiceDataset",
        "DataServiceDatasetV4",
        "XlaLaunch",
        "CustomCall",
    ),
}
# A SavedModel's own way to its weights; nothing that a frozen graph needs.
STORING = {
    "Save",
    "SaveV2",
    "Restore",
    "RestoreV2",
    "RestoreSlice",
    "MergeV2Checkpoints",
    "ShardedFilename",
}


def read(path: Path, file: str) -> Any:
    """Return the model that its serving signature computes; its layers cannot be told apart.

    Raises:
        ModelError: it is damaged, does more than compute, or has not one float image in and one answer out.
    """
    import keras
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    _refuse_acts(_operations(path, file), file, REFUSED)
    loaded = _loaded(path, file)  # held: its variables die with it
    frozen = convert_variables_to_constants_v2(_signature(loaded, file))
    graph = frozen.graph.as_graph_def()
    _refuse_acts(_kinds([graph]), file, REFUSED | STORING)
    given, returned = _ends(frozen, file)
    if given.shape[0] is not None:
        _open_batch(graph, given.shape[0])
    layer = graph_layer.wrapped(frozen, graph, [None, *returned.shape[1:]], "graph")
    image = keras.Input(tuple(given.shape[1:]), name="image")
    model = keras.Model(image, layer(image), name="saved_model")
    if given.shape[0] is not None:
        _refuse_one_batch(frozen, model, file)
    return model


def _open_batch(graph: Any, count: int) -> None:
    """Let every Reshape count the images where the graph says how many; `_refuse_one_batch` looks at the answers."""
    found = {node.name: node for node in graph.node}
    for node in [node for node in graph.node if node.op == "Reshape"]:
        shape = found.get(node.input[1].split(":")[0])
        if shape is not None and shape.op == "Pack":  # of the number of images and the other sides
            shape.input[0] = _constant(graph, f"{shape.name}/open_batch", -1)
        elif shape is not None and shape.op == "Const":
            node.input[1] = _opened(graph, shape, count) or node.input[1]


def _opened(graph: Any, shape: Any, count: int) -> str | None:
    from tensorflow import make_ndarray

    sides = make_ndarray(shape.attr["value"].tensor).tolist()
    if sides[0] != count or -1 in sides:
        return None
    return _constant(graph, f"{shape.name}/open_batch", [-1, *sides[1:]])


def _constant(graph: Any, name: str, value: Any) -> str:
    """Return the name of a constant int32, added to the graph if it is not there."""
    from tensorflow import int32, make_tensor_proto

    if all(node.name != name for node in graph.node):
        node = graph.node.add()
        node.name, node.op = name, "Const"
        node.attr["dtype"].type = int32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(make_tensor_proto(value, int32))
    return name


def _refuse_one_batch(function: Any, model: Any, file: str) -> None:
    """Refuse a graph that can only be run on as many images as its signature says."""
    import tensorflow

    count, *size = (side or 32 for side in function.inputs[0].shape)
    images = np.random.default_rng(0).uniform(-1, 1, (count + 1, *size)).astype(np.float32)
    try:
        together = np.asarray(model(images))[:count]
        alone = np.asarray(function(tensorflow.constant(images[:count]))[0])
        is_free = np.allclose(together, alone, atol=1e-5)
    except (tensorflow.errors.OpError, ValueError):
        is_free = False
    if not is_free:
        raise ModelError(
            f"{file}: its graph takes {count} images at a time and no other number; expected one with an open batch: "
            "keras.Input without batch_size, or TensorSpec([None, h, w, c])"
        )


def _loaded(path: Path, file: str) -> Any:
    import tensorflow

    try:
        return tensorflow.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, tensorflow.errors.OpError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(
            f"{file}: cannot be read ({first}); expected {SAVED_MODEL} and all of variables/"
        ) from None


def _operations(path: Path, file: str) -> dict[str, str]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        parsed = SavedModel.FromString((path / SAVED_MODEL).read_bytes())
    except DecodeError:
        raise ModelError(f"{file}: {SAVED_MODEL} is damaged; copy the folder again") from None
    if not parsed.meta_graphs:
        raise ModelError(f"{file}: {SAVED_MODEL} is empty; copy the folder again")
    return _kinds([meta.graph_def for meta in parsed.meta_graphs])


def _kinds(graphs: list[Any]) -> dict[str, str]:
    """Return the kinds of operations, in functions too, each with the name of one."""
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [
        node
        for graph in graphs
        for function in graph.library.function
        for node in function.node_def
    ]
    return {node.op: node.name for node in nodes}


def _refuse_acts(found: dict[str, str], file: str, refused: set[str]) -> None:
    for kind in sorted(set(found) & refused):
        raise ModelError(
            f"{file}: operation {found[kind]!r} is a {kind}, which does more than compute: it runs Python, or reads or "
            "writes files; expected a graph that computes alone. Export the model without it"
        )


def _signature(loaded: Any, file: str) -> Any:
    names = list(loaded.signatures)
    if SERVING in names:
        return loaded.signatures[SERVING]
    if len(names) == 1:
        return loaded.signatures[names[0]]
    raise ModelError(
        f"{file}: has the signatures {listed(names)}; expected {SERVING}: "
        "tf.saved_model.save(model, folder, signatures=function)"
    )


def _ends(function: Any, file: str) -> tuple[Any, Any]:
    for word, tensors in (("inputs", function.inputs), ("outputs", function.outputs)):
        if len(tensors) != 1:
            names = listed(tensor.name.split(":")[0] for tensor in tensors)
            raise ModelError(
                f"{file}: its signature has the {word} {names}; expected one image in, one answer out"
            )
    given, returned = function.inputs[0], function.outputs[0]
    if given.dtype.name != "float32" or returned.dtype.name != "float32":
        raise ModelError(
            f"{file}: its signature takes {given.dtype.name} and returns {returned.dtype.name}; expected float32"
        )
    if given.shape.rank != 4 or returned.shape.rank != 2:
        raise ModelError(
            f"{file}: its signature takes {given.shape} and returns {returned.shape}; expected [n, h, w, c] and "
            "[n, classes]"
        )
    return given, returned
