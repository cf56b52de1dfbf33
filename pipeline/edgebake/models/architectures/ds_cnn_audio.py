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
MOMENTUM = 0.9  # of batch normalization: a training of few steps would not reach Keras' 0.99


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: audio [n, frames, bands, 1] -> probabilities [n, classes]."""
    import keras

    tensor = contract.single_input.tensor
    channels = _scaled(CHANNELS, model.width_multiplier)
    spectrum = keras.Input(tensor.shape, name=tensor.name)
    stem = keras.layers.Conv2D(channels, STEM_KERNEL, strides=2, padding="same", use_bias=False)
    x = _normalize_and_activate(stem(spectrum))
    for _ in range(BLOCKS):
        depthwise = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)
        x = _normalize_and_activate(depthwise(x))
        pointwise = keras.layers.Conv2D(channels, 1, use_bias=False)
        x = _normalize_and_activate(pointwise(x))
    average = keras.layers.GlobalAveragePooling2D()
    (output,) = contract.outputs
    head = keras.layers.Dense(len(contract.labels), activation="softmax", name=output.name)
    return keras.Model(spectrum, head(average(x)))


def _normalize_and_activate(x: keras.KerasTensor) -> keras.KerasTensor:
    import keras

    normalization = keras.layers.BatchNormalization(momentum=MOMENTUM)
    activation = keras.layers.ReLU(6.0)
    return activation(normalization(x))


def _scaled(channels: int, width_multiplier: float) -> int:
    """Return scaled channels as a multiple of 8, for vector units, and at least 8."""
    multiples = round(channels * width_multiplier / 8)
    return max(8, multiples * 8)
