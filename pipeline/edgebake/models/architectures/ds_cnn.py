"""Depthwise-separable CNN: one convolution, four depthwise-separable blocks, global average, dense.

Source: Zhang et al., Hello Edge, https://arxiv.org/abs/1711.07128, section 3.3, with strides for
images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.recipe import Model
    from edgebake.tasks.contract import Contract

MINIMUM_RESOLUTION = 8
STEM_CHANNELS = 32  # at a width multiplier of 1
BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2))  # (channels at a width multiplier of 1, stride)


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: image [n, h, w, channels] -> probabilities [n, classes]."""
    import keras

    image = keras.Input(contract.single_input.tensor.shape, name="image")
    stem = keras.layers.Conv2D(
        _scaled(STEM_CHANNELS, model.width_multiplier),
        kernel_size=3,
        strides=2,
        padding="same",
        use_bias=False,
    )
    x = stem(image)
    x = _normalize_and_activate(x)
    for base_channels, stride in BLOCKS:
        depthwise = keras.layers.DepthwiseConv2D(
            kernel_size=3, strides=stride, padding="same", use_bias=False
        )
        x = depthwise(x)
        x = _normalize_and_activate(x)
        pointwise = keras.layers.Conv2D(
            _scaled(base_channels, model.width_multiplier), kernel_size=1, use_bias=False
        )
        x = pointwise(x)
        x = _normalize_and_activate(x)
    average = keras.layers.GlobalAveragePooling2D()
    x = average(x)
    head = keras.layers.Dense(len(contract.labels), activation="softmax", name="probabilities")
    probabilities = head(x)
    return keras.Model(image, probabilities)


def _normalize_and_activate(x: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    activation = keras.layers.ReLU(6.0)
    normalization = keras.layers.BatchNormalization()
    x = normalization(x)
    return activation(x)


def _scaled(channels: int, width_multiplier: float) -> int:
    """Return scaled channels as a multiple of 8, for vector units, and at least 8."""
    multiples = round(channels * width_multiplier / 8)
    return max(8, multiples * 8)
