"""A layer with folded batch normalization trains as both layers do, with the same statistics."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization.qat import weight_quantizer
from edgebake.compression.quantization.qat.batch_norm_folding import (
    BatchNorm,
    LayerWeights,
    from_layer,
)
from edgebake.compression.quantization.qat.fake_quant import WeightGrid

EIGHT = WeightGrid(8, per_tensor=False)


def _number(value: float) -> Any:
    return np.array([value], np.float32)


@pytest.fixture
def single(keras: Any) -> Any:
    """Twice its input, normalized: mean 0, variance 3 and epsilon 1 make sigma 2."""
    norm = BatchNorm(_number(1), _number(0), _number(0), _number(3), epsilon=1.0, momentum=0.9)
    weights = LayerWeights(np.array([[2]], np.float32), None, norm, is_depthwise=False)
    layer = weight_quantizer.build_layer(keras.layers.Dense(1), weights, EIGHT)
    layer.build((None, 1))
    weight_quantizer.set_weights(layer, weights)
    return layer


BATCH = np.array([[1], [3]], np.float32)  # behind the kernel 2 and 6: mean 4, variance 4


def test_before_the_freeze_statistics_of_the_batch_count_and_are_learnt(single: Any) -> None:
    outputs = np.array(single(BATCH, training=True))
    np.testing.assert_allclose(outputs, [[-2 / 5**0.5], [2 / 5**0.5]], rtol=1e-6)
    np.testing.assert_allclose(np.array(single.moving_mean), [0.4], rtol=1e-6)
    np.testing.assert_allclose(np.array(single.moving_variance), [3.1], rtol=1e-6)


def test_after_it_moving_statistics_count_and_stay(single: Any) -> None:
    single.is_frozen = True
    np.testing.assert_allclose(np.array(single(BATCH, training=True)), [[1], [3]], rtol=1e-6)
    assert (np.array(single.moving_mean).tolist(), np.array(single.moving_variance).tolist()) == (
        [0],
        [3],
    )


def test_inference_is_as_after_the_freeze(single: Any) -> None:
    np.testing.assert_allclose(np.array(single(BATCH, training=False)), [[1], [3]], rtol=1e-6)
    assert np.array(single.moving_mean) == [0]


def _layers(keras: Any) -> list[Any]:
    return [
        keras.layers.Conv2D(6, 3, strides=2, padding="same", groups=3),
        keras.layers.Conv2D(5, 3, dilation_rate=2, use_bias=False),
        keras.layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2),
        keras.layers.Dense(4),
    ]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("training", [True, False])
def test_all_kinds_compute_nearly_what_the_two_layers_did(
    keras: Any, number: int, training: bool
) -> None:
    layer, norm = _layers(keras)[number], keras.layers.BatchNormalization(momentum=0.8)
    images = np.random.default_rng(0).normal(size=(8, 9, 9, 3)).astype(np.float32)
    norm(layer(images))
    weights = from_layer(layer, norm)
    twin = weight_quantizer.build_layer(layer, weights, EIGHT)
    twin.build(images.shape)
    weight_quantizer.set_weights(twin, weights)
    expected = np.array(norm(layer(images), training=training))
    assert np.abs(np.array(twin(images, training=training)) - expected).max() < 0.05
    np.testing.assert_allclose(np.array(twin.moving_mean), np.array(norm.moving_mean), atol=1e-6)
    np.testing.assert_allclose(
        np.array(twin.moving_variance), np.array(norm.moving_variance), atol=1e-6
    )


def test_gradients_reach_kernel_gamma_and_beta(single: Any) -> None:
    import tensorflow as tf

    single.is_frozen = True
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(single(BATCH, training=True))
    slopes = tape.gradient(total, [variable.value for variable in single.trainable_variables])
    assert [variable.name for variable in single.trainable_variables] == ["kernel", "gamma", "beta"]
    assert [slope.numpy().item() for slope in slopes] == [
        2,
        4,
        2,
    ]  # 4 inputs / sigma, 8 outputs / sigma, 2 examples
