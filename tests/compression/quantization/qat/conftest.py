"""Keras as the stages start it, with one thread, and a small model."""

from typing import Any

import pytest

from edgebake.models import keras_session


@pytest.fixture
def keras() -> Any:
    """Keras with its random numbers at their start."""
    return keras_session.start(1)


@pytest.fixture
def small(keras: Any) -> Any:
    """Return a model of images [n, 8, 8, 1]: conv, depthwise, both with batch norm, and dense."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.BatchNormalization(name="norm", momentum=0.9)(
        layers.Conv2D(4, 3, use_bias=False, name="conv")(image)
    )
    x = layers.DepthwiseConv2D(3, use_bias=False, name="depthwise")(layers.ReLU(name="relu")(x))
    x = layers.ReLU(6.0, name="relu6")(layers.BatchNormalization(name="norm2", momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(image, layers.Dense(2, activation="softmax", name="probabilities")(x))
