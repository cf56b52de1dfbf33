"""Data augmentation of training batches by Keras' preprocessing layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edgebake.recipe import Augment, Flip

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from edgebake.tasks.contract import Contract

KERAS_FLIP_MODES = {
    Flip.horizontal: "horizontal",
    Flip.vertical: "vertical",
    Flip.both: "horizontal_and_vertical",
}
FULL_TURN = 360  # degrees; Keras expects rotations as a fraction of a full turn
PIXEL_RANGE = (0.0, 255.0)


class Augmentation:
    """Augment batches of images that are scaled for the model, (pixel - mean) * scale.

    The layers work on pixels of 0 to 255, so a batch is scaled back before and scaled again
    afterwards. MixUp (https://arxiv.org/abs/1710.09412) also mixes the labels, which have to be
    one-hot.
    """

    def __init__(self, options: Augment, contract: Contract, seed: int) -> None:
        """Build the layers that the options ask for; each has a seed of its own."""
        import keras

        self._mean = np.array(contract.image.mean, np.float32)
        self._scale = np.array(contract.image.scale, np.float32)
        self.layers = _build_layers(options, seed)
        self._mixup: keras.Layer | None = None
        if options.mixup is not None:
            self._mixup = keras.layers.MixUp(options.mixup, seed=seed + len(BUILDERS))

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, *weights: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Return a batch with every image augmented anew.

        Args:
            images: float32 [n, h, w, c], scaled for the model.
            labels: [n] or one-hot [n, classes].
            weights: one array [n], or none.
        """
        import tensorflow as tf

        pixels = images / self._scale + self._mean
        for layer in self.layers:
            pixels = layer(pixels, training=True)
        if self._mixup is not None:
            batch = {"images": pixels, "labels": labels}
            mixed = self._mixup(batch, training=True)
            pixels = mixed["images"]
            labels = mixed["labels"]
        pixels = tf.cast(pixels, tf.float32)
        pixels = tf.clip_by_value(pixels, *PIXEL_RANGE)
        scaled = (pixels - self._mean) * self._scale
        scaled = tf.ensure_shape(scaled, images.shape)
        return (scaled, labels, *weights)

    def state(self) -> list[keras.Variable]:
        """Return the state of the random generators, for a checkpoint."""
        variables: list[keras.Variable] = []
        for layer in self.layers:
            variables += layer.variables
        if self._mixup is not None:
            variables += self._mixup.variables
        return variables


def _build_layers(options: Augment, seed: int) -> list[keras.Layer]:
    layers: list[keras.Layer] = []
    for option, build in BUILDERS.items():
        value = getattr(options, option)
        if value is not None:
            layers += build(value, seed)
            seed += 1
    return layers


def _flip(flip: Flip, seed: int) -> list[keras.Layer]:
    import keras

    return [keras.layers.RandomFlip(KERAS_FLIP_MODES[flip], seed=seed)]


def _crop(smallest_side: float, seed: int) -> list[keras.Layer]:
    """Crop to a random window whose sides are at least this share, and resize it to full size."""
    import keras

    removed = 1 - smallest_side
    shift = removed / 2
    # Seeds up to len(BUILDERS) are those of the other layers and of MixUp.
    shift_seed = seed + len(BUILDERS) + 1
    zoom = keras.layers.RandomZoom((-removed, 0.0), fill_mode="reflect", seed=seed)
    translation = keras.layers.RandomTranslation(shift, shift, fill_mode="reflect", seed=shift_seed)
    return [zoom, translation]


def _rotation(degrees: float, seed: int) -> list[keras.Layer]:
    import keras

    turns = degrees / FULL_TURN
    return [keras.layers.RandomRotation(turns, fill_mode="reflect", seed=seed)]


def _brightness(share: float, seed: int) -> list[keras.Layer]:
    import keras

    return [keras.layers.RandomBrightness(share, PIXEL_RANGE, seed=seed)]


def _contrast(share: float, seed: int) -> list[keras.Layer]:
    import keras

    return [keras.layers.RandomContrast(share, PIXEL_RANGE, seed=seed)]


def _saturation(share: float, seed: int) -> list[keras.Layer]:
    import keras

    # Keras multiplies the saturation by factor / (1 - factor).
    lowest = 1 - share
    highest = 1 + share
    factors = (lowest / (1 + lowest), highest / (1 + highest))
    return [keras.layers.RandomSaturation(factors, PIXEL_RANGE, seed=seed)]


def _hue(share: float, seed: int) -> list[keras.Layer]:
    import keras

    # Keras shifts the hue by at most half of the factor.
    return [keras.layers.RandomHue(2 * share, PIXEL_RANGE, seed=seed)]


def _cutout(area: float, seed: int) -> list[keras.Layer]:
    """Blank one rectangle that covers this share of the image."""
    import keras

    erasing = keras.layers.RandomErasing(
        (1.0, 1.0), scale=(area, area), fill_value=0.0, value_range=PIXEL_RANGE, seed=seed
    )
    return [erasing]


# By the option of `train.augment`, in the order in which they are applied.
BUILDERS: dict[str, Callable[..., list[keras.Layer]]] = {
    "flip": _flip,
    "crop": _crop,
    "rotation": _rotation,
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "hue": _hue,
    "cutout": _cutout,
}
