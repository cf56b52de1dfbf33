"""CNN over time: three convolutions of seven samples, global average, dense.

Source: Wang, Yan and Oates, Time series classification from scratch with deep neural networks,
https://arxiv.org/abs/1611.06455, the FCN, with strides in place of width. The convolutions are
Conv2D of height 1: every runtime folds the batch normalization into those, but not into Conv1D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.recipe import Model
    from edgebake.tasks.contract import Contract

KINDS = ("signal",)
KERNEL = 7  # samples
CHANNELS = (24, 48, 48)  # at a width multiplier of 1


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: signal [n, samples, c] -> probabilities [n, classes]."""
    import keras

    tensor = contract.single_input.tensor
    signal = keras.Input(tensor.shape, name=tensor.name)
    shape = (1, *tensor.shape)
    to_row = keras.layers.Reshape(shape)
    x = to_row(signal)
    for channels in CHANNELS:
        scaled = _scaled(channels, model.width_multiplier)
        convolution = keras.layers.Conv2D(
            scaled, kernel_size=(1, KERNEL), strides=(1, 2), padding="same", use_bias=False
        )
        normalization = keras.layers.BatchNormalization(momentum=0.9)
        activation = keras.layers.ReLU(6.0)
        x = convolution(x)
        x = normalization(x)
        x = activation(x)
    average = keras.layers.GlobalAveragePooling2D()
    (output,) = contract.outputs
    classes = len(contract.labels)
    head = keras.layers.Dense(classes, activation="softmax", name=output.name)
    x = average(x)
    probabilities = head(x)
    return keras.Model(signal, probabilities)


def _scaled(channels: int, width_multiplier: float) -> int:
    """Return scaled channels as a multiple of 8, for vector units, and at least 8."""
    multiples = round(channels * width_multiplier / 8)
    return max(8, multiples * 8)
