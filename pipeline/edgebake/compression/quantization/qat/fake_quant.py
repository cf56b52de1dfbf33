"""Weights in, the nearest weights of a symmetric grid out, with a gradient as if nothing had happened."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WeightGrid:
    """`2 ** bits - 1` values on both sides of zero, up to the largest magnitude of a channel or of the tensor."""

    bits: int
    per_tensor: bool


def fake_quantize(kernel: Any, grid: WeightGrid, channels: int) -> Any:
    """Return each weight's nearest value on the grid; channels are the last axis, depthwise the last two.

    The gradient passes straight through, as nothing lies outside the range. TensorFlow's own gradient would be zero
    for the largest weight wherever the end of the grid is rounded below it.
    Source: https://arxiv.org/abs/1806.08342, sections 2.2 and 2.4.
    """
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight_through(weights: Any) -> Any:
        return _rounded(
            weights, grid.bits, 1 if grid.per_tensor else channels
        ), lambda upstream: upstream

    return straight_through(tf.convert_to_tensor(kernel))


def _rounded(weights: Any, bits: int, channels: int) -> Any:
    import tensorflow as tf

    rows = tf.reshape(weights, (-1, channels))
    largest = tf.reduce_max(tf.abs(rows), axis=0)
    # Not keras.quantizers: on symbolic tensors Keras 3.15 drops num_bits and narrow_range.
    rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        rows, -largest, largest, num_bits=bits, narrow_range=True
    )
    return tf.reshape(rounded, weights.shape)
