"""A frozen TensorFlow graph in, a Keras layer that runs it out; it is saved with its model, as bytes."""

from functools import cache
from typing import Any

import numpy as np

PACKAGE = "edgebake"
STORED = "graph"  # the entry of a layer's weights that holds the graph


class Running:
    """Run a graph that holds its weights as constants; nothing in it can be trained."""

    content = b""  # the graph
    ends: dict[str, Any]  # names of the tensors that go in and out, and the shape that comes out

    def call(self, given: Any) -> Any:
        """Return what the graph computes."""
        import keras
        import tensorflow

        tensors = keras.tree.flatten(given)
        # Inside a function, as the import of a graph is not for eager mode.
        return tensorflow.function(self._run)(*tensors)

    def compute_output_spec(self, *_: Any, **__: Any) -> Any:
        """Return the shape that the graph says, which Keras cannot see."""
        import keras

        return keras.KerasTensor(tuple(self.ends["shape"]), dtype="float32")

    def save_own_variables(self, store: Any) -> None:
        """Write the graph where other layers write weights."""
        store[STORED] = np.frombuffer(self.content, np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Read the graph."""
        self.content = np.asarray(store[STORED], np.uint8).tobytes()

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "ends": self.ends}  # type: ignore[misc]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return a layer that still has to read its graph."""
        return made(
            {word: value for word, value in config.items() if word != "ends"}, config["ends"]
        )

    def _run(self, *tensors: Any) -> Any:
        import tensorflow

        graph = tensorflow.compat.v1.GraphDef.FromString(self.content)
        names = dict(zip(self.ends["inputs"], tensors, strict=True))
        (returned,) = tensorflow.graph_util.import_graph_def(
            graph, names, [self.ends["output"]], name=""
        )
        returned.set_shape(self.ends["shape"])
        return returned


@cache
def register() -> Any:
    """Return the class of the layer, and make it known to Keras, so that a model that holds one can be read."""
    import keras

    return keras.saving.register_keras_serializable(PACKAGE)(
        type("Graph", (Running, keras.layers.Layer), {})
    )


def made(settings: dict[str, Any], ends: dict[str, Any]) -> Any:
    """Return a layer of Keras' settings that has no graph yet."""
    layer = register()(**settings)
    layer.ends = ends
    return layer


def wrapped(function: Any, graph: Any, shape: list[int | None], name: str) -> Any:
    """Return the layer that runs the graph of a frozen function; `shape` is what it returns, with the batch first."""
    for node in graph.node:
        node.ClearField("experimental_debug_info")
        node.attr.pop("_class", None)
    inputs = [tensor.name for tensor in function.inputs]
    ends = {"inputs": inputs, "output": function.outputs[0].name, "shape": shape}
    layer = made({"name": name, "trainable": False}, ends)
    layer.content = graph.SerializeToString(deterministic=True)
    return layer


def traced(layer: Any, given: Any) -> Any:
    """Return a layer of the same name that runs the graph of what `layer` does with these symbolic tensors."""
    import keras
    import tensorflow
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tensors = keras.tree.flatten(given)
    specs = [tensorflow.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
    function = tensorflow.function(
        lambda *values: layer(keras.tree.pack_sequence_as(given, values))
    )
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(*specs))
    shape = [*tensors[0].shape[:1], *frozen.outputs[0].shape[1:]]
    return wrapped(frozen, frozen.graph.as_graph_def(), shape, layer.name)
