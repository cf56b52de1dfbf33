"""Activations in, activations of an 8-bit grid out, whose range is watched, learned or known beforehand."""

from functools import cache
from typing import Any

BITS = 8
MOMENTUM = 0.95  # of moving ranges
SMALLEST = 1e-6  # a range of nothing has no grid
# LiteRT allows these functions no other range: a step of 1/256, or 1/128 where there are negative values.
# Source: https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
KNOWN = {"sigmoid": (0.0, 255 / 256), "softmax": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}


def make(name: str, way: str, function: str) -> Any:
    """Return a layer that rounds what `function` returned; `way` says how its range comes about, moving or learned."""
    made = _class()(name=name)
    made.way = "known" if function in KNOWN else way
    made.start = KNOWN.get(function, (0.0, 0.0))
    return made


class ActivationFakeQuant:
    """Round activations to 2 ** 8 values between low and high; zero is always one of them.

    A moving range is the average of the extremes of batches, until it `is_frozen`. A learned one follows the gradient
    of the loss. Both start from what they see while they are `is_watching`.
    Source: https://arxiv.org/abs/1712.05877, section 3.1; learned ranges: https://arxiv.org/abs/1903.08066.
    """

    way: str  # moving, learned or known
    start: tuple[float, float]
    is_frozen = False
    is_watching = False
    low: Any
    high: Any
    batches: Any
    add_weight: Any  # this and what follows come from Keras' layer
    name: str

    def build(self, _: Any) -> None:
        """Make the ends of the range, and the count that tells the first batch from later ones."""
        is_learned = self.way == "learned"
        self.low = self.add_weight(name="low", shape=(), trainable=is_learned)
        self.high = self.add_weight(name="high", shape=(), trainable=is_learned)
        self.batches = self.add_weight(
            name="batches", shape=(), initializer="zeros", trainable=False
        )
        self.low.assign(self.start[0])
        self.high.assign(self.start[1])

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape of the input."""
        return shape

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the nearest values on the grid."""
        import tensorflow as tf

        is_moving = bool(training) and self.way == "moving" and not self.is_frozen
        if self.way != "known" and (is_moving or self.is_watching):
            self._watch(inputs)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, *self.ends(), num_bits=BITS)

    def ends(self) -> tuple[Any, Any]:
        """Return the range, zero inside."""
        import tensorflow as tf

        return tf.minimum(self.low, 0.0), tf.maximum(self.high, SMALLEST)

    def _watch(self, inputs: Any) -> None:
        import tensorflow as tf

        momentum = tf.where(self.batches < 1, 0.0, MOMENTUM)
        self.low.assign(
            momentum * self.low + (1 - momentum) * tf.minimum(tf.reduce_min(inputs), 0.0)
        )
        self.high.assign(
            momentum * self.high + (1 - momentum) * tf.maximum(tf.reduce_max(inputs), 0.0)
        )
        self.batches.assign_add(1)


@cache
def _class() -> Any:
    """Return a class that is a Keras layer; made here, since Keras is not imported when modules are."""
    import keras

    return type("Ranged", (ActivationFakeQuant, keras.layers.Layer), {})
