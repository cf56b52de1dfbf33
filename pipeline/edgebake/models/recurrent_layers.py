"""Refuse GRU, LSTM and other recurrent layers where runtimes do not compute them.

As Keras writes them they are loops. LiteRT alone loads these, in floats. Unrolled, every runtime
computes them in floats; their integers are not worth it: hundreds of operators and casts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.errors import ConversionError
from edgebake.models.converter_errors import layer_of
from edgebake.models.keras_graph import kind, leaf_layers

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Operators of TensorFlow that repeat others.
LOOPS = ("Enter", "StatelessWhile", "While")
WAY_OUT = "a convolution over time (Conv2D of height 1)"


@dataclass(frozen=True)
class RecurrentLayer:
    """A layer that repeats a cell for every step of a sequence."""

    name: str
    kind: str  # e.g. GRU
    is_unrolled: bool


def refuse_loops(model: keras.Model) -> None:
    """Refuse a model with a loop.

    Raises:
        ConversionError: a recurrent layer is not unrolled.
    """
    for layer in _recurrent_layers(model):
        if not layer.is_unrolled:
            raise ConversionError(
                f"layer {layer.name!r}: {layer.kind} is a loop, which ONNX Runtime and Core ML do "
                f"not load and no runtime computes in integers; expected {WAY_OUT}, or "
                "unroll=True for a few steps in floats"
            )


def refuse_in_integers(model: keras.Model) -> None:
    """Refuse a model whose recurrent layers would compute in integers.

    Raises:
        ConversionError: it has one.
    """
    for layer in _recurrent_layers(model):
        raise ConversionError(
            f"layer {layer.name!r}: no runtime computes {layer.kind} in integers; expected "
            f"{WAY_OUT}, or a scheme whose activations stay in float: float16 or dynamic"
        )


def refuse_loops_in_integers(frozen: tf.types.experimental.ConcreteFunction) -> None:
    """Refuse a frozen function with a loop: an imported graph has no layers to tell it by.

    Raises:
        ConversionError: it has one.
    """
    for operation in frozen.graph.get_operations():
        if operation.type in LOOPS:
            raise ConversionError(
                f"layer {layer_of(operation.name)!r}: no runtime computes a loop in integers; "
                f"expected {WAY_OUT}, or a scheme whose activations stay in float: float16 or "
                "dynamic"
            )


def _recurrent_layers(model: keras.Model) -> Iterator[RecurrentLayer]:
    import keras

    for layer in leaf_layers(model):
        # A bidirectional layer holds one layer for each direction.
        inner = getattr(layer, "forward_layer", layer)
        if isinstance(inner, keras.layers.RNN):
            yield RecurrentLayer(layer.name, kind(inner), bool(inner.unroll))
