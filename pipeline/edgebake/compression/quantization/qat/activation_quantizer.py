"""8-bit fake quantization of activations.

The range is a moving average, a trained variable (as in LSQ) or fixed by the operator.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import tensorflow as tf

BITS = 8
MOMENTUM = 0.95  # of the moving average
MIN_HIGH = 1e-6  # keeps the range from being empty, which no grid can represent
# LiteRT fixes the ranges of these functions: a step of 1/256, or 1/128 if values are negative.
# Source: https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
FIXED_RANGES = {"sigmoid": (0.0, 255 / 256), "softmax": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}


def build_layer(name: str, mode: str, function: str) -> keras.Layer:
    """Return a Keras layer that quantizes the outputs of an activation function.

    Args:
        name: of the layer.
        mode: moving or learned; ignored if the operator fixes the range.
        function: linear, relu, sigmoid, ...
    """
    layer_class = _layer_class()
    layer = layer_class(name=name)
    layer.mode = mode
    layer.initial_range = (0.0, 0.0)
    if function in FIXED_RANGES:
        layer.mode = "fixed"
        layer.initial_range = FIXED_RANGES[function]
    return layer


class ActivationFakeQuant:
    """Round activations to 2^8 values from low to high, one of which is always zero.

    A moving range is the average of the extremes of the batches until `is_frozen`. A learned range
    follows the gradient of the loss. Both are initialized from the data while `is_observing`.
    Source: https://arxiv.org/abs/1712.05877, section 3.1; learned ranges:
    https://arxiv.org/abs/1903.08066.
    """

    mode: str  # moving, learned or fixed
    initial_range: tuple[float, float]
    is_frozen = False
    is_observing = False
    low: keras.Variable
    high: keras.Variable
    batches: keras.Variable  # number of batches observed so far
    # Attributes of keras.Layer.
    add_weight: Callable[..., keras.Variable]
    name: str

    def build(self, _: tuple[int | None, ...]) -> None:
        """Create the variables of the layer."""
        is_learned = self.mode == "learned"
        self.low = self.add_weight(name="low", shape=(), trainable=is_learned)
        self.high = self.add_weight(name="high", shape=(), trainable=is_learned)
        self.batches = self.add_weight(
            name="batches", shape=(), initializer="zeros", trainable=False
        )
        low, high = self.initial_range
        self.low.assign(low)
        self.high.assign(high)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return shape

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return the inputs rounded to the grid; update a moving range during training."""
        import tensorflow as tf

        if self._is_updated(training):
            self._update_range(inputs)
        low, high = self.bounds()
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high, num_bits=BITS)

    def bounds(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the ends of the range, widened to include zero."""
        import tensorflow as tf

        low = tf.minimum(self.low, 0.0)
        high = tf.maximum(self.high, MIN_HIGH)
        return low, high

    def _is_updated(self, training: bool | None) -> bool:
        """Return whether a batch changes the range."""
        if self.mode == "fixed":
            return False
        if self.is_observing:
            return True
        is_moving = self.mode == "moving" and not self.is_frozen
        return bool(training) and is_moving

    def _update_range(self, inputs: tf.Tensor) -> None:
        """Move the range towards the extremes of a batch; the first batch sets it."""
        import tensorflow as tf

        momentum = tf.where(self.batches < 1, 0.0, MOMENTUM)
        lowest = tf.reduce_min(inputs)
        highest = tf.reduce_max(inputs)
        _update_average(self.low, tf.minimum(lowest, 0.0), momentum)
        _update_average(self.high, tf.maximum(highest, 0.0), momentum)
        self.batches.assign_add(1)


def _update_average(average: keras.Variable, value: tf.Tensor, momentum: tf.Tensor) -> None:
    previous_share = momentum * average
    new_share = (1 - momentum) * value
    average.assign(previous_share + new_share)


@cache
def _layer_class() -> type[keras.Layer]:
    """Return the Keras layer; it is created late, as modules do not import Keras."""
    import keras

    bases = (ActivationFakeQuant, keras.layers.Layer)
    return type("ActivationFakeQuantLayer", bases, {})
