"""Create the files of docs/guides/bring_your_own.md: a folder of images, and a trained model.

    python docs/examples/digits.py

Writes data/images/, 1,797 PNGs of handwritten digits in a folder per class, and models/digits.h5,
a MobileNetV2 for color images of 96 x 96 pixels, trained on 700 of them. It takes about two
minutes on two cores.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

from pathlib import Path

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

IMAGES = Path("data/images")
MODEL = Path("models/digits.h5")
SIDE = 96  # pixels
TRAINING_IMAGES = 700
BATCH = 32
EPOCHS = 10


def main() -> None:
    """Write the images, train a model and save it."""
    digits = load_digits()
    images = []
    for number, (values, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        pixels = np.rint(values * (255 / 16)).astype(np.uint8)  # values are 0 to 16
        image = Image.fromarray(pixels)
        file = IMAGES / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)
        images.append(image)
    chosen = np.random.default_rng(1).permutation(len(images))[:TRAINING_IMAGES]
    inputs = np.stack([_model_input(images[number]) for number in chosen])
    MODEL.parent.mkdir(exist_ok=True)
    _train(inputs, digits.target[chosen]).save(MODEL)


def _model_input(image: Image.Image) -> np.ndarray:
    """Return a color image [h, w, 3] from -1 to 1."""
    resized = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32) / 127.5 - 1


def _train(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """Train MobileNetV2 on images [n, h, w, 3] and labels [n]."""
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2((SIDE, SIDE, 3), alpha=0.35, weights=None, classes=10)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # the moving averages must settle in few steps
    steps = EPOCHS * -(-TRAINING_IMAGES // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.005, steps)
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, epochs=EPOCHS, batch_size=BATCH, verbose=2)
    return model


if __name__ == "__main__":
    main()
