"""Train model families that edgebake does not define, for benchmarks.quantize.

    python -m benchmarks.families FOLDER [--families convnext_tiny vit] [--epochs N]
    python -m benchmarks.quantize --model FOLDER/*.keras --images FOLDER/images
        --options none int8 --coreml --without-peers

The architectures are those of keras.applications, with random weights, and a small vision
transformer (Dosovitskiy et al. 2021, arXiv:2010.11929, without a class token). They are trained on
half of the digits of scikit-learn; the other half is written as a folder of images, so that
calibration and test images are none that a model was trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.data.sources import digits
from edgebake.models import keras_session
from edgebake.plan import compose

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

CLASSES = 10
BATCH = 32
HIDDEN = 64  # units of each token of the transformer
BLOCKS = 4
HEADS = 4
PATCH = 4  # pixels


@dataclass(frozen=True)
class Family:
    """One architecture: how it is built and trained, and the side of its input in pixels."""

    build: Callable[[int], keras.Model]  # from the side of the input
    side: int
    epochs: int = 25
    learning_rate: float = 2e-3
    warm_up_epochs: int = 0  # with a growing learning rate; transformers do not learn without
    cycles: int = 1  # in which the learning rate decays, each from half of the one before


def main() -> None:
    """Train the families and write their models and the held-out images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--epochs", type=int, help="default: what each family needs")
    arguments = parser.parse_args()
    keras_session.start(threads=2)
    images, labels = read_digits()
    is_held_out = np.arange(len(labels)) % 2 == 1
    write_images(images[is_held_out], labels[is_held_out], arguments.folder / "images")
    for name in arguments.families:
        family = FAMILIES[name]
        model = family.build(family.side)
        training = (images[~is_held_out], labels[~is_held_out])
        train(model, family, training, arguments.epochs or family.epochs)
        accuracy = evaluate(model, images[is_held_out], labels[is_held_out])
        model.save(arguments.folder / f"{name}.keras")
        print(f"{name}: {model.count_params():,} parameters, accuracy {accuracy:.4f}")


def read_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the digits of scikit-learn, [n, 64, 64, 3], and their labels [n], shuffled."""
    examples = digits.load(compose.option("data", "digits"))
    images = []
    for pixels in examples.inputs:
        enlarged = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR)
        images.append(np.asarray(enlarged.convert("RGB")))
    order = np.random.default_rng(1).permutation(len(images))
    return np.stack(images)[order], examples.labels[order]


def write_images(images: NDArray[np.uint8], labels: NDArray[np.int64], folder: Path) -> None:
    """Write images [n, h, w, 3] as PNG files, in a folder for each class."""
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        file = folder / str(label) / f"{index:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)


def train(
    model: keras.Model,
    family: Family,
    examples: tuple[NDArray[np.uint8], NDArray[np.int64]],
    epochs: int,
) -> None:
    """Train a model on images and labels, with small shifts of the images."""
    import keras

    images, labels = examples
    batches = _batches(images, labels, family.side)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # the default of 0.99 needs more steps than there are
    optimizer = keras.optimizers.AdamW(_schedule(family, epochs, len(batches)))
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)


def _schedule(
    family: Family, epochs: int, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that grows during the first epochs, then decays to 0.

    Source of decay in cycles: Loshchilov and Hutter 2017, arXiv:1608.03983.
    """
    import keras

    schedules = keras.optimizers.schedules
    if family.cycles > 1:
        steps = epochs * steps_per_epoch // family.cycles
        return schedules.CosineDecayRestarts(family.learning_rate, steps, t_mul=1, m_mul=0.5)
    warm_up_epochs = min(family.warm_up_epochs, epochs - 1)
    decay_steps = (epochs - warm_up_epochs) * steps_per_epoch
    if warm_up_epochs == 0:
        return schedules.CosineDecay(family.learning_rate, decay_steps)
    return schedules.CosineDecay(
        0.0,
        decay_steps,
        warmup_target=family.learning_rate,
        warmup_steps=warm_up_epochs * steps_per_epoch,
    )


def _batches(images: NDArray[np.uint8], labels: NDArray[np.int64], side: int) -> tf.data.Dataset:
    """Return shuffled batches of shifted images, scaled as the models expect them."""
    import keras
    import tensorflow as tf

    shift = keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=1)
    dataset = tf.data.Dataset.from_tensor_slices((scaled(images, side), labels))
    batches = dataset.shuffle(len(labels), seed=1).batch(BATCH)
    return batches.map(lambda batch, classes: (shift(batch, training=True), classes))


def scaled(images: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Return images [n, h, w, 3] as the models expect them: of one side, from -1 to 1."""
    import tensorflow as tf

    resized = tf.image.resize(images, (side, side), antialias=True).numpy()
    pixels: NDArray[np.float32] = np.rint(resized) / 127.5 - 1
    return pixels


def evaluate(model: keras.Model, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return the share of images [n, h, w, 3] that a model classifies correctly."""
    side = model.inputs[0].shape[1]
    predictions = model.predict(scaled(images, side), verbose=0)
    return float((predictions.argmax(axis=1) == labels).mean())


def application(name: str, **options: bool) -> Callable[[int], keras.Model]:
    """Return a function that builds an architecture of keras.applications."""

    def build(side: int) -> keras.Model:
        import keras

        architecture = getattr(keras.applications, name)
        shape = (side, side, 3)
        return architecture(weights=None, classes=CLASSES, input_shape=shape, **options)

    return build


def efficientnet_b0(side: int) -> keras.Model:
    """Build EfficientNet-B0, which scales its input itself, from pixels of 0 to 255."""
    import keras

    network = application("EfficientNetB0")(side)
    image = keras.Input((side, side, 3))
    pixels = keras.layers.Rescaling(127.5, 127.5)(image)
    return keras.Model(image, network(pixels))


def vit(side: int) -> keras.Model:
    """Build a small vision transformer with learned positions and average pooling."""
    import keras
    from keras import layers

    image = keras.Input((side, side, 3))
    patches = layers.Conv2D(HIDDEN, PATCH, PATCH)(image)
    tokens = layers.Reshape((-1, HIDDEN))(patches)
    count = tokens.shape[1]
    positions = layers.Embedding(count, HIDDEN)(keras.ops.arange(count))
    tokens = tokens + positions
    for _ in range(BLOCKS):
        normalized = layers.LayerNormalization(epsilon=1e-6)(tokens)
        attention = layers.MultiHeadAttention(HEADS, HIDDEN // HEADS)(normalized, normalized)
        tokens = layers.Add()([tokens, attention])
        normalized = layers.LayerNormalization(epsilon=1e-6)(tokens)
        expanded = layers.Dense(2 * HIDDEN, activation="gelu")(normalized)
        tokens = layers.Add()([tokens, layers.Dense(HIDDEN)(expanded)])
    tokens = layers.LayerNormalization(epsilon=1e-6)(tokens)
    features = layers.GlobalAveragePooling1D()(tokens)
    return keras.Model(image, layers.Dense(CLASSES, activation="softmax")(features))


FAMILIES = {
    "mobilenet_v2": Family(application("MobileNetV2"), side=64),
    "mobilenet_v3_small": Family(application("MobileNetV3Small", include_preprocessing=False), 64),
    "mobilenet_v3_large": Family(application("MobileNetV3Large", include_preprocessing=False), 64),
    "efficientnet_b0": Family(efficientnet_b0, side=32, epochs=50, cycles=2),
    "convnext_tiny": Family(application("ConvNeXtTiny", include_preprocessing=False), 32, 4, 5e-4),
    "vit": Family(vit, side=32, epochs=40, learning_rate=1e-3, warm_up_epochs=4),
}


if __name__ == "__main__":
    main()
