"""Make the files of docs/guides/bring_your_own.md: a folder of images, and a trained model.

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

IMAGES, MODEL = Path("data/images"), Path("models/digits.h5")
SIDE, SEEN, EPOCHS = 96, 700, 10


def main() -> None:
    """Write the images, train, save."""
    digits = load_digits()
    pictures = [
        Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8)) for image in digits.images
    ]
    for number, (picture, label) in enumerate(zip(pictures, digits.target, strict=True)):
        file = IMAGES / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
    seen = np.random.default_rng(1).permutation(len(pictures))[:SEEN]
    colours = [
        pictures[i].convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR) for i in seen
    ]
    images = np.stack([np.asarray(one, np.float32) / 127.5 - 1 for one in colours])
    MODEL.parent.mkdir(exist_ok=True)
    _trained(images, digits.target[seen]).save(MODEL)


def _trained(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2((SIDE, SIDE, 3), alpha=0.35, weights=None, classes=10)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # there are few steps to settle in
    rate = keras.optimizers.schedules.CosineDecay(0.005, EPOCHS * -(-SEEN // 32))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, labels, epochs=EPOCHS, batch_size=32, verbose=2)
    return model


if __name__ == "__main__":
    main()
