"""Depthwise-separable CNN for a spectrum over time: one convolution, four blocks, average, dense.

Source: Zhang et al., Hello Edge, https://arxiv.org/abs/1711.07128, section 3.3, DS-CNN; a stem of
10 frames by 4 bands, as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.recipe import Model
    from edgebake.tasks.contract import Contract

KINDS = ("audio",)
CHANNELS = 48  # at a width multiplier of 1
BLOCKS = 4
STEM_KERNEL = (10, 4)  # frames, bands
STEM_STRIDES = (2, 4)  # half the compute of (2, 2), and as accurate
MOMENTUM = 0.9  # of batch normalization: a training of few steps would not reach Keras' 0.99


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: audio [n, frames, bands, 1] -> probabilities [n, classes]."""
    import keras

    tensor = contract.single_input.tensor
    channels = _scaled(CHANNELS, model.width_multiplier)
    spectrum = keras.Input(tensor.shape, name=tensor.name)
    stem = keras.layers.Conv2D(
        channels, STEM_KERNEL, strides=STEM_STRIDES, padding="same", use_bias=False
    )
    x = stem(spectrum)
    x = _normalize_and_activate(x)
    for _ in range(BLOCKS):
        depthwise = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)
        x = depthwise(x)
        x = _normalize_and_activate(x)
        pointwise = keras.layers.Conv2D(channels, 1, use_bias=False)
        x = pointwise(x)
        x = _normalize_and_activate(x)
    average = keras.layers.GlobalAveragePooling2D()
    (output,) = contract.outputs
    classes = len(contract.labels)
    head = keras.layers.Dense(classes, activation="softmax", name=output.name)
    features = average(x)
    probabilities = head(features)
    return keras.Model(spectrum, probabilities)


def _normalize_and_activate(x: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    normalization = keras.layers.BatchNormalization(momentum=MOMENTUM)
    activation = keras.layers.ReLU(6.0)
    x = normalization(x)
    return activation(x)


def _scaled(channels: int, width_multiplier: float) -> int:
    """Return scaled channels as a multiple of 8, for vector units, and at least 8."""
    scaled = channels * width_multiplier
    multiples = round(scaled / 8)
    return max(8, multiples * 8)
