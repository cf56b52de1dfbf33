"""Depthwise-separable CNN: one convolution, four depthwise-separable blocks, global average, dense.

Source: Zhang et al., Hello Edge, https://arxiv.org/abs/1711.07128, section 3.3, with strides for images.
"""

from typing import Any

from edgebake.recipe import Model

MINIMUM_RESOLUTION = 8
STEM = 32  # channels at width 1
BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2))  # (channels at width 1, stride)


def build(model: Model, channels: int, classes: int) -> Any:
    """Return the untrained network."""
    import keras

    image = keras.Input((model.resolution, model.resolution, channels), name="image")
    x = _activated(
        keras.layers.Conv2D(
            _channels(STEM, model.width_multiplier), 3, strides=2, padding="same", use_bias=False
        )(image)
    )
    for base, stride in BLOCKS:
        x = _activated(
            keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        )
        x = _activated(
            keras.layers.Conv2D(_channels(base, model.width_multiplier), 1, use_bias=False)(x)
        )
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(
        image, keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    )


def _activated(x: Any) -> Any:
    import keras

    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))


def _channels(base: int, width: float) -> int:
    """Return channels as a multiple of 8, which vector units like, and at least 8."""
    return max(8, round(base * width / 8) * 8)
