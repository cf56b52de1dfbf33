"""Activation ranges are moving, learned or fixed, and always include zero."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization.qat import activation_quantizer

BATCHES = np.array([[-1, 0, 3], [-2, 0, 1]], np.float32)


def _bounds(layer: Any) -> Any:
    return pytest.approx([float(bound) for bound in layer.bounds()], rel=1e-6)


def _built(mode: str, function: str = "linear") -> Any:
    layer = activation_quantizer.build_layer("some_range", mode, function)
    layer.build((None, 3))
    return layer


def test_a_moving_range_starts_at_the_first_batch_and_moves_by_a_twentieth(keras: Any) -> None:
    layer = _built("moving")
    layer(BATCHES[0], training=True)
    assert _bounds(layer) == [-1, 3]
    layer(BATCHES[1], training=True)
    assert _bounds(layer) == [0.95 * -1 + 0.05 * -2, 0.95 * 3 + 0.05 * 1]


def test_a_frozen_range_stays_and_so_does_one_at_inference(keras: Any) -> None:
    layer = _built("moving")
    layer(BATCHES[0], training=True)
    layer(BATCHES[1], training=False)
    layer.is_frozen = True
    layer(BATCHES[1], training=True)
    assert _bounds(layer) == [-1, 3]


def test_zero_is_in_every_range(keras: Any) -> None:
    above, below = _built("moving"), _built("moving")
    above(BATCHES[0] + 5, training=True)
    below(BATCHES[0] - 5, training=True)
    assert _bounds(above) == [0, 8]
    assert _bounds(below) == [-6, activation_quantizer.MIN_HIGH]


def test_activations_go_to_255_steps_and_are_clipped(keras: Any) -> None:
    layer = _built("moving")
    layer.high.assign(2.55)
    outputs = layer(np.array([-1, 0.123, 0.127, 9], np.float32))
    np.testing.assert_allclose(np.array(outputs), [0, 0.12, 0.13, 2.55], rtol=1e-6)


def test_a_learned_range_only_watches_while_observing(keras: Any) -> None:
    layer = _built("learned")
    layer(BATCHES[0], training=True)
    assert _bounds(layer) == [0, activation_quantizer.MIN_HIGH]
    layer.is_observing = True
    layer(BATCHES[0], training=False)
    assert _bounds(layer) == [-1, 3]


def test_the_ends_of_a_learned_range_get_the_gradient_of_what_they_clip(keras: Any) -> None:
    import tensorflow as tf

    layer = _built("learned")
    layer.low.assign(-1)
    layer.high.assign(2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(tf.constant([-5.0, -4.0, 0.5, 9.0]), training=True))
    low, high = tape.gradient(total, [variable.value for variable in layer.trainable_variables])
    assert (float(low), float(high)) == (2, 1)


def test_moving_and_fixed_ranges_are_not_trained(keras: Any) -> None:
    assert [len(_built(mode).trainable_variables) for mode in ("moving", "learned")] == [0, 2]
    assert _built("learned", "sigmoid").trainable_variables == []


def test_the_range_of_sigmoid_is_fixed(keras: Any) -> None:
    layer = _built("moving", "sigmoid")
    layer.is_observing = True
    layer(BATCHES[0], training=True)
    assert _bounds(layer) == [0, 255 / 256]
