"""CNN over the bytes of a text: embedding, two convolutions, global average, dense.

Source: Kim, Convolutional neural networks for sentence classification,
https://arxiv.org/abs/1408.5882, on bytes in place of words. The convolutions are Conv2D of height
1: every runtime folds the batch normalization into those, but not into Conv1D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.recipe import Model
    from edgebake.tasks.contract import Contract

KINDS = ("text",)
EMBEDDING = 24  # numbers of a byte
CHANNELS = 64  # at a width multiplier of 1
BLOCKS = ((5, 1), (3, 2))  # (bytes, stride) of each convolution
DROPOUT = 0.3


def build(model: Model, contract: Contract) -> keras.Model:
    """Return the untrained network: ids int32 [n, bytes] -> probabilities [n, classes]."""
    import keras

    tensor = contract.single_input.tensor
    if tensor.highest is None:
        raise ValueError(f"{tensor.name}: {tensor.dtype}; expected ids")
    (length,) = tensor.shape
    ids = keras.Input(tensor.shape, dtype=tensor.dtype, name=tensor.name)
    embedding = keras.layers.Embedding(tensor.highest + 1, EMBEDDING)
    to_row = keras.layers.Reshape((1, length, EMBEDDING))
    x = embedding(ids)
    x = to_row(x)
    channels = _scaled(CHANNELS, model.width_multiplier)
    for kernel, stride in BLOCKS:
        convolution = keras.layers.Conv2D(
            channels, kernel_size=(1, kernel), strides=(1, stride), padding="same", use_bias=False
        )
        normalization = keras.layers.BatchNormalization(momentum=0.9)
        activation = keras.layers.ReLU(6.0)
        x = convolution(x)
        x = normalization(x)
        x = activation(x)
    average = keras.layers.GlobalAveragePooling2D()
    dropout = keras.layers.Dropout(DROPOUT)
    (output,) = contract.outputs
    classes = len(contract.labels)
    head = keras.layers.Dense(classes, activation="softmax", name=output.name)
    x = average(x)
    x = dropout(x)
    probabilities = head(x)
    return keras.Model(ids, probabilities)


def _scaled(channels: int, width_multiplier: float) -> int:
    """Return scaled channels as a multiple of 8, for vector units, and at least 8."""
    multiples = round(channels * width_multiplier / 8)
    return max(8, multiples * 8)
