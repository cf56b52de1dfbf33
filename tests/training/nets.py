"""A task that is learned in a moment: on which side of a diagonal a point lies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.training.loop import TrainingSplits
from tests.contracts import image_contract

# Pixels of 0 to 255 as -1 to 1.
CONTRACT = image_contract(
    task="classification",
    height=4,
    width=4,
    color="rgb",
    crop="none",
    resize="bilinear",
    mean=[127.5],
    scale=[1 / 127.5],
    labels=["below", "above"],
)


def points(count: int) -> NDArray[np.float32]:
    """Return images of two pixels."""
    return np.random.default_rng(1).uniform(-1, 1, (count, 1, 1, 2)).astype(np.float32)


def splits() -> TrainingSplits:
    images = points(300)
    labels = (images[:, 0, 0, 0] > images[:, 0, 0, 1]).astype(np.int64)
    return TrainingSplits(images[:200], labels[:200], images[200:], labels[200:])


def model(seed: int = 0, dropout: float = 0.0) -> Any:
    keras = keras_session.start(1, seed)
    image = keras.Input((1, 1, 2), name="image")
    hidden = keras.layers.Dense(8, "relu", name="hidden")(keras.layers.Flatten()(image))
    hidden = keras.layers.Dropout(dropout, seed=3)(hidden)
    return keras.Model(image, keras.layers.Dense(2, "softmax", name="probabilities")(hidden))


def pictures(count: int) -> NDArray[np.float32]:
    """Return color images of 4 x 4 pixels as a model sees them."""
    pixels = np.random.default_rng(2).integers(0, 256, (count, 4, 4, 3)).astype(np.uint8)
    return CONTRACT.image.normalize(pixels)
