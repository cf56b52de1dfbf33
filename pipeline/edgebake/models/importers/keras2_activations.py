"""The activation function of Keras 2 that has the name of another function in Keras 3.

Keras 2: hard_sigmoid(x) = clip(0.2 x + 0.5, 0, 1). Keras 3: relu6(x + 3) / 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgebake.models.keras_graph import leaf_layers

if TYPE_CHECKING:
    import keras

REDEFINED = "hard_sigmoid"
SLOPE, OFFSET = 0.2, 0.5
MARK = "_hard_sigmoid_of_keras_2"  # attribute of layers whose output goes through it


def hard_sigmoid(x: Any) -> Any:
    """Return Keras 2's hard_sigmoid of a tensor."""
    import keras

    return keras.ops.clip(x * SLOPE + OFFSET, 0.0, 1.0)


def restore(model: keras.Model) -> None:
    """Let every layer of a model that Keras 2 saved apply Keras 2's hard_sigmoid."""
    import keras

    for layer in leaf_layers(model):
        if getattr(layer, "activation", None) is keras.activations.hard_sigmoid:
            layer.activation = hard_sigmoid


def take_out(operation: keras.Operation) -> bool:
    """Return whether an operation applies Keras 2's hard_sigmoid, and let it apply nothing.

    It is for the caller to apply `layers` to the output of each call.
    """
    import keras

    if getattr(operation, "activation", None) is hard_sigmoid:
        operation.activation = keras.activations.linear
        setattr(operation, MARK, True)
    return hasattr(operation, MARK)


def layers(name: str) -> list[keras.Layer]:
    """Return layers of Keras 3 that compute Keras 2's hard_sigmoid one after the other."""
    import keras

    return [
        keras.layers.Rescaling(SLOPE, OFFSET, name=f"{name}_scaled"),
        keras.layers.ReLU(max_value=1.0, name=f"{name}_hard_sigmoid"),
    ]
