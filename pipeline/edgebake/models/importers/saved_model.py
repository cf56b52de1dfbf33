"""Import a SavedModel as a Keras model of one layer that runs its frozen graph."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.errors import ModelError, listed
from edgebake.models import frozen_function
from edgebake.models.importers import (
    SAVED_MODEL,
    answers_check,
    graph_layer,
    graph_operators,
    input_check,
    random_graphs,
    saved_model_check,
)
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

SERVING = "serving_default"
VARIABLES = "variables"  # folder of a SavedModel
OPEN_SIZE = 32  # pixels of a side that a graph leaves open
NOISE_IMAGES = 2


def read(path: Path, file: str) -> keras.Model:
    """Return the model of the serving signature, as one layer of Keras.

    Raises:
        ModelError: the folder is damaged, its graph does more than compute, or the signature is not
            image float32 [n, h, w, c] -> float32 [n, classes].
    """
    import keras

    saved_model = saved_model_check.parse(path, file)
    saved_model_check.refuse_unsafe(saved_model, file)
    # Referenced until the end, as its variables live as long as it.
    loaded = _load(saved_model, path, file)
    signature = _serving_signature(loaded, file)
    frozen = _freeze(signature, file)
    graph = frozen.graph.as_graph_def()
    _refuse_random(graph, file)
    graph_operators.refuse_graph(graph, file)
    _check_signature(frozen, file)
    batch, *size = frozen.inputs[0].shape
    if batch is not None:
        _open_batch(graph, batch)
    output_shape = [None, *frozen.outputs[0].shape[1:]]
    layer = graph_layer.from_frozen(frozen, graph, output_shape, "graph")
    image = keras.Input(tuple(size), name="image")
    probabilities = layer(image)
    model = keras.Model(image, probabilities, name="saved_model")
    if batch is not None:
        _check_open_batch(frozen, model, file)
    else:
        _check_answers(signature, model, file)
    return model


def _open_batch(graph: tf.compat.v1.GraphDef, batch: int) -> None:
    """Open the batch dimension of a graph whose signature fixes it, by its Reshape operations.

    Whether that was enough is for `_check_open_batch` to find out.
    """
    node_of = {node.name: node for node in graph.node}
    reshapes = [node for node in graph.node if node.op == "Reshape"]
    for node in reshapes:
        shape_name = node.input[1].split(":")[0]
        shape = node_of.get(shape_name)
        if shape is None:
            continue
        if shape.op == "Pack":  # of the batch and the other dimensions
            name = f"{shape.name}/open_batch"
            shape.input[0] = _add_constant(graph, name, -1)
        elif shape.op == "Const":
            opened_shape = _opened_shape(graph, shape, batch)
            if opened_shape is not None:
                node.input[1] = opened_shape


def _opened_shape(
    graph: tf.compat.v1.GraphDef, shape: tf.compat.v1.NodeDef, batch: int
) -> str | None:
    """Return the name of a shape constant with an open batch; None if it needs none."""
    from tensorflow import make_ndarray

    stored = make_ndarray(shape.attr["value"].tensor)
    dimensions = stored.tolist()
    if dimensions[0] != batch or -1 in dimensions:
        return None
    name = f"{shape.name}/open_batch"
    opened = [-1, *dimensions[1:]]
    return _add_constant(graph, name, opened)


def _add_constant(graph: tf.compat.v1.GraphDef, name: str, value: int | list[int]) -> str:
    """Add an int32 constant to the graph, unless it has one of this name, and return the name."""
    from tensorflow import int32, make_tensor_proto

    if all(node.name != name for node in graph.node):
        node = graph.node.add()
        node.name = name
        node.op = "Const"
        node.attr["dtype"].type = int32.as_datatype_enum
        tensor = make_tensor_proto(value, int32)
        node.attr["value"].tensor.CopyFrom(tensor)
    return name


def _check_open_batch(
    function: tf.types.experimental.ConcreteFunction, model: keras.Model, file: str
) -> None:
    """Refuse a graph that can only run on as many images as its signature says.

    Raises:
        ModelError: it fails on one image more, or predicts other values.
    """
    import tensorflow

    batch, *size = (dimension or OPEN_SIZE for dimension in function.inputs[0].shape)
    shape = (batch + 1, *size)
    generator = np.random.default_rng(0)
    images = generator.uniform(-1, 1, shape).astype(np.float32)
    try:
        opened = np.asarray(model(images))[:batch]
        batch_of_images = tensorflow.constant(images[:batch])
        (original,) = function(batch_of_images)
        is_open = np.allclose(opened, np.asarray(original), atol=1e-5)
    except (tensorflow.errors.OpError, ValueError):
        is_open = False
    if not is_open:
        raise ModelError(
            f"{file}: its graph takes {batch} images at a time and no other number; expected one "
            "with an open batch: keras.Input without batch_size, or TensorSpec([None, h, w, c])"
        )


def _check_answers(
    signature: tf.types.experimental.ConcreteFunction, model: keras.Model, file: str
) -> None:
    """Compare the model with the signature that it was made of, on images of noise.

    Raises:
        ModelError: TensorFlow cannot run one of them, or they answer otherwise.
    """
    import tensorflow

    shape = [dimension or OPEN_SIZE for dimension in model.inputs[0].shape[1:]]
    generator = np.random.default_rng(0)
    images = generator.uniform(-1, 1, (NOISE_IMAGES, *shape)).astype(np.float32)
    try:
        answers = np.asarray(model(images))
        outputs = tensorflow.nest.flatten(signature(tensorflow.constant(images)))
    # TensorFlow raises any exception for a graph that is not valid.
    except Exception as error:
        raise ModelError(
            f"{file}: TensorFlow cannot run its serving signature ({_summary(error)}); expected "
            f"{SERVING} of one image input: model.export('folder')"
        ) from None
    answers_check.check_equal(answers, np.asarray(outputs[0]), file)


def _load(saved_model: SavedModel, path: Path, file: str) -> tf.Module:
    """Load what was checked, from a folder of its own: TensorFlow also reads other files by name.

    Raises:
        ModelError: the variables are missing or damaged, or TensorFlow cannot load the objects.
    """
    import tensorflow

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        content = saved_model_check.without_checkpoint_functions(saved_model)
        (copy / SAVED_MODEL).write_bytes(content)
        (copy / VARIABLES).symlink_to((path / VARIABLES).resolve())
        try:
            return tensorflow.saved_model.load(folder)
        # TensorFlow raises any exception for objects and functions that do not fit together.
        except Exception as error:
            summary = _summary(error).replace(folder, file)
            raise ModelError(
                f"{file}: cannot be read ({summary}); expected {SAVED_MODEL} and all of "
                f"{VARIABLES}/"
            ) from None


def _freeze(
    signature: tf.types.experimental.ConcreteFunction, file: str
) -> tf.types.experimental.ConcreteFunction:
    """Return a signature with all variables as constants.

    Raises:
        ModelError: the graph is not valid.
    """
    try:
        return frozen_function.freeze(signature, keep_loops=True)
    # TensorFlow raises any exception for a graph that is not valid.
    except Exception as error:
        graph = signature.graph.as_graph_def()
        _refuse_random(graph, file)
        raise ModelError(
            f"{file}: TensorFlow cannot freeze its serving signature ({_summary(error)}); "
            "expected one that only reads variables: export a function that calls the model with "
            "training=False"
        ) from None


def _refuse_random(graph: tf.compat.v1.GraphDef, file: str) -> None:
    random_graphs.refuse(graph.node, graph_operators.library(graph), file)


def _summary(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    lines = str(error).splitlines()
    return printable(next(iter(lines), type(error).__name__))


def _serving_signature(loaded: tf.Module, file: str) -> tf.types.experimental.ConcreteFunction:
    names = list(loaded.signatures)
    if SERVING in names:
        return loaded.signatures[SERVING]
    if len(names) == 1:
        return loaded.signatures[names[0]]
    raise ModelError(
        f"{file}: has the signatures {listed(names)}; expected {SERVING}: "
        "tf.saved_model.save(model, folder, signatures=function)"
    )


def _check_signature(function: tf.types.experimental.ConcreteFunction, file: str) -> None:
    """Refuse signatures other than image float32 [n, h, w, c] -> float32 [n, classes].

    Raises:
        ModelError: the signature is another.
    """
    sides = {"inputs": function.inputs, "outputs": function.outputs}
    for side, tensors in sides.items():
        if len(tensors) != 1:
            names = listed(tensor.name.split(":")[0] for tensor in tensors)
            raise ModelError(
                f"{file}: its signature has the {side} {names}; edgebake imports image classifiers "
                "so far: expected one input, an image, and one output"
            )
    image = function.inputs[0]
    output = function.outputs[0]
    if image.shape.rank is not None:
        problem = input_check.refusal(image.shape.as_list(), image.dtype.name, channels_first=False)
        if problem is not None:
            raise ModelError(f"{file}: {problem}")
    if image.dtype.name != "float32" or output.dtype.name != "float32":
        raise ModelError(
            f"{file}: its signature takes {image.dtype.name} and returns {output.dtype.name}; "
            "expected float32"
        )
    if output.shape.rank is not None:
        problem = input_check.output_refusal(output.shape.as_list(), can_reshape=False)
        if problem is not None:
            raise ModelError(f"{file}: {problem}")
    if image.shape.rank != 4 or output.shape.rank != 2:
        raise ModelError(
            f"{file}: its signature takes {image.shape} and returns {output.shape}; expected "
            "[n, h, w, c] and [n, classes]"
        )
