"""Multiply-accumulates and parameters, computed by hand."""

from typing import Any

import pytest

from edgebake.compression.pruning import layer_costs
from edgebake.compression.pruning.layer_costs import LayerCost
from edgebake.models import keras_session


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


def model() -> Any:
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((8, 6, 2), name="image")
    x = layers.BatchNormalization(name="norm")(
        layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
    )
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False, name="depthwise")(
        layers.ReLU()(x)
    )
    x = layers.Conv2DTranspose(3, 2, strides=2, name="transposed")(x)
    twice = layers.Conv2D(3, 1, name="twice")
    x = layers.PReLU(shared_axes=[1, 2], name="slope")(twice(twice(x)))
    x = layers.Conv2D(6, 1, groups=3, use_bias=False, name="grouped")(x)
    return keras.Model(image, layers.Dense(5, name="dense")(layers.GlobalAveragePooling2D()(x)))


EXPECTED = {
    "conv": LayerCost(
        "Conv2D", 4, 4 * 3 * (3 * 3 * 2 * 4), 3 * 3 * 2 * 4 + 4
    ),  # returns 4 x 3 places
    "norm": LayerCost("BatchNormalization", 4, 0, 4 * 4),
    "depthwise": LayerCost(
        "DepthwiseConv2D", 8, 2 * 1 * (3 * 3 * 4 * 2), 3 * 3 * 4 * 2
    ),  # returns 2 x 1 places
    "transposed": LayerCost(
        "Conv2DTranspose", 3, 2 * 1 * (2 * 2 * 3 * 8), 2 * 2 * 3 * 8 + 3
    ),  # reads 2 x 1, returns 4 x 2
    "twice": LayerCost("Conv2D", 3, 2 * (4 * 2 * 3 * 3), 3 * 3 + 3),
    "slope": LayerCost("PReLU", 3, 0, 3),
    "grouped": LayerCost("Conv2D", 6, 4 * 2 * (1 * 6), 1 * 6),
    "dense": LayerCost("Dense", 5, 6 * 5, 6 * 5 + 5),
}


def test_a_layer_costs_what_is_multiplied_for_one_image() -> None:
    costs = layer_costs.count(model())
    assert costs == EXPECTED
    assert list(costs) == list(EXPECTED)


def test_all_parameters_are_counted_once() -> None:
    built = model()
    assert layer_costs.total(layer_costs.count(built), "parameters") == built.count_params()
    assert layer_costs.total(layer_costs.count(built), "macs") == 864 + 144 + 192 + 144 + 48 + 30
