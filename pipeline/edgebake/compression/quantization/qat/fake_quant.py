"""Symmetric fake quantization of weights with a straight-through estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class WeightGrid:
    """Symmetric grid of 2^bits - 1 values up to the largest magnitude of a channel or tensor."""

    bits: int
    per_tensor: bool


def fake_quantize(kernel: tf.Tensor, grid: WeightGrid, channels: int) -> tf.Tensor:
    """Round each weight to the nearest value of the grid.

    The gradient passes straight through, as no weight lies outside the range. TensorFlow's own
    gradient is zero for the largest weight wherever rounding puts the end of the grid below it.
    Source: https://arxiv.org/abs/1806.08342, sections 2.2 and 2.4.

    Args:
        kernel: float32 [..., out], depthwise [h, w, channels, multiplier].
        grid: bits, and whether there is one scale per tensor or per channel.
        channels: number of output channels; of a depthwise kernel, channels * multiplier.
    """
    import tensorflow as tf

    scales = 1 if grid.per_tensor else channels

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight_through(weights: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return upstream

        return _round_to_grid(weights, grid.bits, scales), gradient

    return straight_through(tf.convert_to_tensor(kernel))


def _round_to_grid(weights: tf.Tensor, bits: int, scales: int) -> tf.Tensor:
    import tensorflow as tf

    rows = tf.reshape(weights, (-1, scales))
    largest = tf.reduce_max(tf.abs(rows), axis=0)
    # Not keras.quantizers: on symbolic tensors Keras 3.15 drops num_bits and narrow_range.
    rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        rows, -largest, largest, num_bits=bits, narrow_range=True
    )
    return tf.reshape(rounded, weights.shape)
