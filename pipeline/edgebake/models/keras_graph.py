"""Nodes of a functional Keras model, and the kinds and activations of its operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from edgebake.errors import ConversionError

if TYPE_CHECKING:
    import keras

    # Keras has no public name for the nodes of a model's graph.
    from keras.src.ops.node import Node as KerasNode

    Node: TypeAlias = KerasNode

# Operations that are an activation function by themselves.
ACTIVATION_OPERATIONS = ("Relu", "Relu6", "Softmax", "Sigmoid", "Tanh")


def functional(model: keras.Model) -> keras.Model:
    """Return the same layers as a functional model from one tensor to one tensor.

    The model may be a Sequential, or have lists of one tensor as input and output.

    Raises:
        ConversionError: it has several inputs or outputs.
    """
    import keras

    if (len(model.inputs), len(model.outputs)) != (1, 1):
        raise ConversionError(
            f"model {model.name!r}: has {len(model.inputs)} inputs and {len(model.outputs)} "
            "outputs; expected one of each"
        )
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def nodes(model: keras.Model) -> list[Node]:
    """Return the nodes of a functional model, which are calls of operations, in execution order."""
    # The attribute is private, and the only list of the calls that belong to this model. The public
    # `input` and `output` of an operation are those of its first call, which is in another model
    # if the operation was taken from one.
    nodes_by_depth = model._nodes_by_depth
    ordered: list[Node] = []
    for depth in sorted(nodes_by_depth, reverse=True):
        ordered += nodes_by_depth[depth]
    return ordered


def kind(operation: keras.Operation) -> str:
    """Return the class name of an operation; a layer and its equal in keras.ops may share it."""
    return type(operation).__name__


def activation(operation: keras.Operation) -> str:
    """Return the function that an operation applies last: `relu`, `softmax`, ..., or `linear`."""
    function = getattr(operation, "activation", None)
    if function is not None:
        return str(getattr(function, "__name__", kind(function).lower()))
    if kind(operation) == "ReLU":
        return _relu_variant(operation)
    if kind(operation) in ACTIVATION_OPERATIONS:
        return kind(operation).lower()
    return "linear"


def leaf_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a model, and those of models inside it instead of the models."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaf_layers(layer)
        else:
            yield layer


def _relu_variant(layer: keras.layers.ReLU) -> str:
    if layer.negative_slope != 0 or layer.threshold != 0:
        return "bent_relu"
    return {None: "relu", 6.0: "relu6"}.get(layer.max_value, "clipped_relu")
