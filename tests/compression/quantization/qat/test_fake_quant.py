"""Fake quantization of weights, computed by hand, and its straight-through gradient."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization.qat.fake_quant import WeightGrid, fake_quantize

KERNEL = [[0.7, -2.1, 0.0], [0.24, 0.33, 0.0]]


@pytest.mark.parametrize(
    ("per_tensor", "expected"),
    [
        (False, [[0.7, -2.1, 0.0], [0.2, 0.3, 0.0]]),  # steps of 0.7 / 7, 2.1 / 7 and none
        (True, [[0.6, -2.1, 0.0], [0.3, 0.3, 0.0]]),  # steps of 2.1 / 7
    ],
)
def test_four_bits_are_seven_steps_on_both_sides_of_zero(
    keras: Any, per_tensor: bool, expected: Any
) -> None:
    quantized = fake_quantize(np.array(KERNEL, np.float32), WeightGrid(4, per_tensor), 3)
    np.testing.assert_allclose(np.array(quantized), expected, rtol=1e-6, atol=1e-7)


def test_eight_bits_are_127_steps(keras: Any) -> None:
    quantized = fake_quantize(
        np.array([[1.27, -2.54, 0.0], [0.633, 0.251, 0.0]], np.float32),
        WeightGrid(8, per_tensor=False),
        3,
    )
    np.testing.assert_allclose(
        np.array(quantized), [[1.27, -2.54, 0.0], [0.63, 0.26, 0.0]], rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(2, 1, 3, 1), (2, 1, 1, 3)])
def test_a_depthwise_kernel_has_its_channels_in_the_last_two_axes(
    keras: Any, shape: tuple[int, ...]
) -> None:
    kernel = np.array(KERNEL, np.float32)
    quantized = fake_quantize(kernel.reshape(shape), WeightGrid(4, per_tensor=False), 3)
    assert tuple(quantized.shape) == shape
    np.testing.assert_array_equal(
        np.array(quantized).reshape(2, 3), fake_quantize(kernel, WeightGrid(4, per_tensor=False), 3)
    )


def test_a_value_of_the_grid_stays_to_the_bit(keras: Any) -> None:
    once = fake_quantize(
        np.random.default_rng(0).normal(size=(3, 3, 8, 16)).astype(np.float32),
        WeightGrid(4, False),
        16,
    )
    np.testing.assert_allclose(
        np.array(fake_quantize(once, WeightGrid(4, per_tensor=False), 16)),
        np.array(once),
        rtol=3e-7,
    )


def test_the_gradient_passes_straight_through_also_for_the_largest_weight(keras: Any) -> None:
    import tensorflow as tf

    kernel = tf.constant(KERNEL)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        total = tf.reduce_sum(fake_quantize(kernel, WeightGrid(4, per_tensor=False), 3) * 2.0)
    np.testing.assert_array_equal(np.array(tape.gradient(total, kernel)), np.full((2, 3), 2.0))
