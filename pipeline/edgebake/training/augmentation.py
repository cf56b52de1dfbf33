"""Words of a recipe in, a change of a batch by Keras' own layers out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebake.recipe import Augment, Flip

FLIPS = {
    Flip.horizontal: "horizontal",
    Flip.vertical: "vertical",
    Flip.both: "horizontal_and_vertical",
}
DEGREES = 360  # Keras counts rotations in whole turns
WHOLE = (0.0, 255.0)


class Augmentation:
    """Changes batches of images as a model sees them, (pixel - mean) * scale; goals of mixup are one-hot."""

    def __init__(self, words: Augment, agreed: Any, seed: int) -> None:
        """Make the layers; each draws from a seed of its own."""
        import keras

        self._mean = np.array(agreed.mean, np.float32)
        self._scale = np.array(agreed.scale, np.float32)
        makers = [
            maker
            for maker in MAKERS
            if (getattr(words, maker.__name__.removeprefix("_"))) is not None
        ]
        self.layers = [
            layer
            for number, maker in enumerate(makers)
            for layer in maker(keras, words, seed + number)
        ]
        self._mixup = (
            keras.layers.MixUp(words.mixup, seed=seed + len(MAKERS))
            if words.mixup is not None
            else None
        )

    def __call__(self, images: Any, goals: Any, *weights: Any) -> tuple[Any, ...]:
        """Return a batch in which every image is another."""
        import tensorflow as tf

        pixels = images / self._scale + self._mean
        for layer in self.layers:
            pixels = layer(pixels, training=True)
        if self._mixup is not None:
            mixed = self._mixup({"images": pixels, "labels": goals}, training=True)
            pixels, goals = mixed["images"], mixed["labels"]
        changed = (tf.clip_by_value(tf.cast(pixels, tf.float32), *WHOLE) - self._mean) * self._scale
        return (tf.ensure_shape(changed, images.shape), goals, *weights)

    def state(self) -> list[Any]:
        """Return the variables from which the next batch is drawn."""
        layers = [*self.layers, *([self._mixup] if self._mixup is not None else [])]
        return [variable for layer in layers for variable in layer.variables]


def _flip(keras: Any, words: Augment, seed: int) -> list[Any]:
    return [keras.layers.RandomFlip(FLIPS[words.flip], seed=seed)] if words.flip else []


def _crop(keras: Any, words: Augment, seed: int) -> list[Any]:
    """Return a zoom into a part whose sides are at least this share, anywhere in the image."""
    lost = 1 - (words.crop or 1)
    return [
        keras.layers.RandomZoom((-lost, 0.0), fill_mode="reflect", seed=seed),
        keras.layers.RandomTranslation(
            lost / 2, lost / 2, fill_mode="reflect", seed=seed + len(MAKERS) + 1
        ),
    ]


def _rotation(keras: Any, words: Augment, seed: int) -> list[Any]:
    return [
        keras.layers.RandomRotation((words.rotation or 0) / DEGREES, fill_mode="reflect", seed=seed)
    ]


def _brightness(keras: Any, words: Augment, seed: int) -> list[Any]:
    return [keras.layers.RandomBrightness(words.brightness, WHOLE, seed=seed)]


def _contrast(keras: Any, words: Augment, seed: int) -> list[Any]:
    return [keras.layers.RandomContrast(words.contrast, WHOLE, seed=seed)]


def _saturation(keras: Any, words: Augment, seed: int) -> list[Any]:
    # Keras multiplies by factor / (1 - factor).
    least, most = 1 - (words.saturation or 0), 1 + (words.saturation or 0)
    return [
        keras.layers.RandomSaturation((least / (1 + least), most / (1 + most)), WHOLE, seed=seed)
    ]


def _hue(keras: Any, words: Augment, seed: int) -> list[Any]:
    return [
        keras.layers.RandomHue(2 * (words.hue or 0), WHOLE, seed=seed)
    ]  # Keras takes half of it


def _cutout(keras: Any, words: Augment, seed: int) -> list[Any]:
    area = words.cutout or 0
    return [
        keras.layers.RandomErasing(
            (1.0, 1.0), scale=(area, area), fill_value=0.0, value_range=WHOLE, seed=seed
        )
    ]


MAKERS: tuple[Callable[[Any, Augment, int], list[Any]], ...] = (
    _flip,
    _crop,
    _rotation,
    _brightness,
    _contrast,
    _saturation,
    _hue,
    _cutout,
)
