"""Clustered kernels and their constraint, computed by hand.

Guards that weights that share a value share it after every step of fine-tuning.
Slow: it imports coremltools.
"""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import shared_weights, weight_constraints
from edgebake.models import keras_session

pytestmark = pytest.mark.slow

KERNEL = np.array([[0.0, 1.0], [0.2, 1.2], [1.0, 2.0], [1.2, 5.0]], np.float32)  # [in, out]


@pytest.fixture
def keras() -> Any:
    return keras_session.start(1)


def test_a_layer_shares_two_weights_or_each_channel_has_two_of_its_own() -> None:
    whole = shared_weights.cluster_kernel(KERNEL, 1, tables=1)
    assert whole.clusters == 2
    assert whole.cluster.tolist() == [[0, 0], [0, 0], [0, 0], [0, 1]]
    assert whole.kernel.tolist() == [[pytest.approx(6.6 / 7)] * 2] * 3 + [
        [pytest.approx(6.6 / 7), 5]
    ]
    per_channel = shared_weights.cluster_kernel(KERNEL, 1, tables=2)
    assert per_channel.clusters == 4
    assert per_channel.cluster.tolist() == [[0, 2], [0, 2], [1, 2], [1, 3]]
    assert per_channel.kernel == pytest.approx(
        np.array([[0.1, 1.4], [0.1, 1.4], [1.1, 1.4], [1.1, 5]])
    )


def test_few_weights_stay_as_they_are() -> None:
    assert np.array_equal(shared_weights.cluster_kernel(KERNEL, 3, tables=1).kernel, KERNEL)
    assert shared_weights.distinct_values(KERNEL, 1) == 6
    assert shared_weights.distinct_values(KERNEL, 2) == 4


def test_no_two_of_many_tables_share_a_cluster() -> None:
    clustered = shared_weights.cluster_kernel(
        np.random.default_rng(0).normal(size=(20, 300)).astype(np.float32), 2, tables=300
    )
    assert np.array_equal(np.unique(clustered.cluster), np.arange(1200))
    assert np.array_equal(clustered.cluster[0] // 4, np.arange(300))


def test_output_channels_of_a_depthwise_layer_are_its_last_two_axes(keras: Any) -> None:
    depthwise, conv = keras.layers.DepthwiseConv2D(3, depth_multiplier=2), keras.layers.Conv2D(5, 3)
    for layer in (depthwise, conv):
        layer.build((None, 8, 8, 4))
    assert [shared_weights.table_count(layer, per_channel=True) for layer in (depthwise, conv)] == [
        8,
        5,
    ]
    assert [
        shared_weights.table_count(layer, per_channel=False) for layer in (depthwise, conv)
    ] == [1, 1]
    clustered = shared_weights.cluster_kernel(np.array(depthwise.kernel), 1, 8)
    assert [len(np.unique(clustered.kernel[..., c, m])) for c in range(4) for m in range(2)] == [
        2
    ] * 8


def test_weights_of_a_cluster_step_together_by_their_mean(keras: Any) -> None:
    layer = keras.layers.Dense(2, use_bias=False)
    layer.build((None, 4))
    clustered = shared_weights.cluster_kernel(KERNEL, 1, tables=2)
    layer.kernel.assign(clustered.kernel)
    gradient = np.array([[1, 0], [3, 3], [0, 6], [0, 1]], np.float32)
    with weight_constraints.constrained(
        [(layer.kernel, shared_weights.clustering_constraint(clustered))]
    ):
        keras.optimizers.SGD(0.1).apply([gradient], [layer.kernel])
    # means of the gradient: 2 and 0 in the first channel, 3 and 1 in the second
    assert np.array(layer.kernel) == pytest.approx(
        np.array([[-0.1, 1.1], [-0.1, 1.1], [1.1, 1.1], [1.1, 4.9]])
    )


def test_without_a_step_nothing_moves_however_often_and_however_many(keras: Any) -> None:
    draw = np.random.default_rng(0)
    clustered = shared_weights.cluster_kernel(
        draw.normal(size=(200_000, 1)).astype(np.float32), 2, tables=1
    )
    rule, kernel = shared_weights.clustering_constraint(clustered), clustered.kernel
    for _ in range(3):
        kernel = np.array(rule(kernel))
    assert np.array_equal(kernel, clustered.kernel)
