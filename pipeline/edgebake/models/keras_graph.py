"""The calls that make a Keras model, and what its operations are."""

from collections.abc import Iterator
from typing import Any

from edgebake.errors import ConversionError


def functional(model: Any) -> Any:
    """Return the same layers as a functional model of one tensor; it may have been a Sequential, or one of lists.

    Raises:
        ConversionError: it has several inputs or outputs.
    """
    import keras

    if (len(model.inputs), len(model.outputs)) != (1, 1):
        ends = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise ConversionError(f"model {model.name!r}: has {ends}; expected one of each")
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def nodes(model: Any) -> list[Any]:
    """Return the calls that make a functional model, each after those that it reads."""
    # Private, and the only list of the calls that belong to this model: an operation's public `input` and `output` tell
    # of its first call, which is in another model where layers were taken over from one.
    return [
        node
        for depth in sorted(model._nodes_by_depth, reverse=True)
        for node in model._nodes_by_depth[depth]
    ]


def kind(operation: Any) -> str:
    """Return the name of an operation's class; layers and keras.ops of one meaning share it, as Add and Add."""
    return type(operation).__name__


def activation(operation: Any) -> str:
    """Return the function that an operation applies last: `linear` if it has none, `relu`, `relu6`, `softmax`, ..."""
    function = getattr(operation, "activation", None)
    if function is not None:
        return str(getattr(function, "__name__", kind(function).lower()))
    if kind(operation) == "ReLU":
        plain = operation.negative_slope == 0 and operation.threshold == 0
        names = {None: "relu", 6.0: "relu6"}
        return names.get(operation.max_value, "clipped_relu") if plain else "bent_relu"
    alone = ("Relu", "Relu6", "Softmax", "Sigmoid", "Tanh")
    return kind(operation).lower() if kind(operation) in alone else "linear"


def leaves(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, and those of models inside it."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer
