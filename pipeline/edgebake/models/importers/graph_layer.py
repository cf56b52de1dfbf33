"""Keras layer that runs a frozen TensorFlow graph; an archive stores the graph as bytes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.errors import ModelError
from edgebake.models import frozen_function
from edgebake.models.importers import graph_operators

if TYPE_CHECKING:
    from collections.abc import Mapping

    import h5py  # type: ignore[import-untyped]
    import keras
    import tensorflow as tf

PACKAGE = "edgebake"  # under which Keras registers the layer
STORED = "graph"  # entry of the layer's weights that holds the graph
Tensors = Any  # a tensor of Keras or TensorFlow, or a nested structure of them

# Keys of the layer's config, `ends`: {inputs: [tensor names], output: tensor name, shape}.
Ends = dict[str, Any]


class GraphMixin:
    """Run a graph that holds its weights as constants; nothing in it can be trained."""

    graph = b""  # serialized GraphDef
    ends: Ends  # names of the input and output tensors, and shape of the output

    def call(self, inputs: Tensors) -> tf.Tensor:
        """Run the graph on one tensor, or on a structure of tensors."""
        import keras
        import tensorflow

        # A graph cannot be imported in eager mode, only inside a function.
        run = tensorflow.function(self._run)
        tensors = keras.tree.flatten(inputs)
        return run(*tensors)

    def compute_output_spec(self, *_: object, **__: object) -> keras.KerasTensor:
        """Return the shape of the output, which Keras cannot infer from a graph."""
        import keras

        shape = tuple(self.ends["shape"])
        return keras.KerasTensor(shape, dtype="float32")

    def save_own_variables(self, store: dict[str, np.ndarray]) -> None:
        """Store the graph as uint8 [bytes], where other layers store weights."""
        store[STORED] = np.frombuffer(self.graph, np.uint8)

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        """Load the graph from uint8 [bytes].

        Raises:
            ModelError: it is damaged, or does more than compute.
        """
        stored = np.asarray(store[STORED], np.uint8).tobytes()
        _refuse_unsafe(stored, "a .keras archive")
        self.graph = stored

    def get_config(self) -> dict[str, Any]:
        """Return the config of the layer, without the graph."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        return {**config, "ends": self.ends}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> keras.Layer:
        """Return a layer whose graph has yet to be loaded."""
        options = dict(config)
        ends = options.pop("ends")
        return _create(options, ends)

    def _run(self, *tensors: tf.Tensor) -> tf.Tensor:
        import tensorflow

        graph = tensorflow.compat.v1.GraphDef.FromString(self.graph)
        inputs = dict(zip(self.ends["inputs"], tensors, strict=True))
        outputs = tensorflow.graph_util.import_graph_def(
            graph, input_map=inputs, return_elements=[self.ends["output"]], name=""
        )
        output = outputs[0]
        output.set_shape(self.ends["shape"])
        return output


def refuse_stored_graphs(store: h5py.File, file: str) -> None:
    """Refuse the weights of a model if a graph in them does more than compute.

    Keras replaces the message of an error that a layer raises when its weights are loaded.

    Raises:
        ModelError: a graph is damaged, or does more than compute.
    """
    import h5py

    def check(name: str, item: h5py.Group | h5py.Dataset) -> None:
        is_array = isinstance(item, h5py.Dataset) and item.dtype == np.uint8
        if is_array and name.rpartition("/")[2] == STORED:
            _refuse_unsafe(np.asarray(item).tobytes(), file)

    store.visititems(check)


def _refuse_unsafe(stored: bytes, file: str) -> None:
    import tensorflow
    from google.protobuf.message import DecodeError

    try:
        graph = tensorflow.compat.v1.GraphDef.FromString(stored)
    except DecodeError:
        raise ModelError(f"{file}: the graph in it is damaged; build it again") from None
    graph_operators.refuse_graph(graph, file)


@cache
def register() -> type[keras.Layer]:
    """Register the class of the layer with Keras, so that models that contain it can be loaded."""
    import keras

    bases = (GraphMixin, keras.layers.Layer)
    layer_class: type[keras.Layer] = type("Graph", bases, {})
    register_class = keras.saving.register_keras_serializable(PACKAGE)
    register_class(layer_class)
    return layer_class


def from_frozen(
    function: tf.types.experimental.ConcreteFunction,
    graph: tf.compat.v1.GraphDef,
    shape: list[int | None],
    name: str,
) -> keras.Layer:
    """Return a layer that runs the graph of a frozen function.

    Args:
        function: names the input and output tensors.
        graph: of the function; debug information is removed from it.
        shape: of the output, batch first.
        name: of the layer.

    Raises:
        ModelError: the graph does more than compute.
    """
    graph_operators.refuse_graph(graph, f"layer {name!r}")
    for node in graph.node:
        node.ClearField("experimental_debug_info")
        node.attr.pop("_class", None)
    output = function.outputs[0]
    ends = {
        "inputs": [tensor.name for tensor in function.inputs],
        "output": output.name,
        "shape": shape,
    }
    options = {"name": name, "trainable": False}
    layer = _create(options, ends)
    layer.graph = graph.SerializeToString(deterministic=True)
    return layer


def trace(layer: keras.Layer, inputs: Tensors) -> keras.Layer:
    """Return a layer of the same name that runs the traced graph of `layer`.

    Args:
        layer: a Lambda layer; its code is called once.
        inputs: symbolic tensors of Keras that the layer is called with.
    """
    import keras
    import tensorflow

    # TensorFlow names the inputs of the graph after the parameter, and archives hold the names.
    def call(*values: tf.Tensor) -> tf.Tensor:
        packed = keras.tree.pack_sequence_as(inputs, values)
        return layer(packed)

    tensors = keras.tree.flatten(inputs)
    specs = [tensorflow.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
    function = tensorflow.function(call)
    concrete = function.get_concrete_function(*specs)
    frozen = frozen_function.freeze(concrete)
    graph = frozen.graph.as_graph_def()
    batch = tensors[0].shape[0]
    output = frozen.outputs[0]
    shape = [batch, *output.shape[1:]]
    return from_frozen(frozen, graph, shape, layer.name)


def _create(options: dict[str, Any], ends: Ends) -> keras.Layer:
    """Return a layer without a graph."""
    layer_class = register()
    layer = layer_class(**options)
    layer.ends = ends
    return layer
