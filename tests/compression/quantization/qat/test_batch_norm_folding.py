"""Batch normalization folding of a layer, computed by hand."""

from typing import Any

import numpy as np

from edgebake.compression.quantization.qat import batch_norm_folding
from edgebake.compression.quantization.qat.batch_norm_folding import BatchNorm, LayerWeights


def _numbers(*values: float) -> Any:
    return np.array(values, np.float32)


def test_a_dense_layer_and_its_batch_normalization_are_one() -> None:
    norm = BatchNorm(
        _numbers(2, 4), _numbers(0.5, 0), _numbers(1, 1), _numbers(3, 3), epsilon=1.0, momentum=0.9
    )
    weights = LayerWeights(
        np.array([[1, 2], [3, 4]], np.float32), _numbers(3, 0), norm, is_depthwise=False
    )
    kernel, bias = batch_norm_folding.fold(weights)  # sigma is 2, so the scale is 1 and 2
    assert kernel.tolist() == [[1, 4], [3, 8]]
    assert bias.tolist() == [2.5, -2]


def test_a_depthwise_kernel_is_scaled_by_channel_and_multiplier() -> None:
    ones = np.ones(4, np.float32)
    norm = BatchNorm(_numbers(1, 2, 3, 4), ones * 0, ones * 0, ones, epsilon=0.0, momentum=0.9)
    kernel, bias = batch_norm_folding.fold(
        LayerWeights(np.ones((1, 1, 2, 2), np.float32), None, norm, is_depthwise=True)
    )
    assert kernel.tolist() == [[[[1, 2], [3, 4]]]]
    assert bias.tolist() == [0, 0, 0, 0]


def test_a_layer_without_batch_normalization_stays_and_gets_a_bias_of_zero() -> None:
    weights = LayerWeights(np.array([[1, 2]], np.float32), None, None, is_depthwise=False)
    kernel, bias = batch_norm_folding.fold(weights)
    assert (kernel.tolist(), bias.tolist()) == ([[1, 2]], [0, 0])


def test_batch_normalization_without_scale_and_centre_has_ones_and_zeros(keras: Any) -> None:
    norm = keras.layers.BatchNormalization(scale=False, center=False)
    norm.build((None, 4, 4, 2))
    weights = batch_norm_folding.from_batch_norm(norm)
    assert weights.kernel.tolist() == [[[[1], [1]]]]
    assert weights.batch_norm is not None
    assert (weights.batch_norm.gamma.tolist(), weights.batch_norm.beta.tolist()) == ([1, 1], [0, 0])
