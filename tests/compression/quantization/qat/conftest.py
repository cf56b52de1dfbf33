"""Keras as the stages start it, with one thread, and a small model that was trained a little."""

from typing import Any

import pytest

from edgebake.models import keras_session


@pytest.fixture
def keras() -> Any:
    """Keras with its random numbers at their start."""
    return keras_session.start(1)


@pytest.fixture
def small(keras: Any) -> Any:
    """Images [8, 8, 1] to two classes: a convolution and a depthwise one with batch normalization, then dense."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.BatchNormalization(name="norm", momentum=0.9)(
        layers.Conv2D(4, 3, use_bias=False, name="conv")(image)
    )
    x = layers.DepthwiseConv2D(3, use_bias=False, name="depthwise")(layers.ReLU(name="relu")(x))
    x = layers.ReLU(6.0, name="relu6")(layers.BatchNormalization(name="norm2", momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(image, layers.Dense(2, activation="softmax", name="probabilities")(x))
