"""A task for pruning methods: classify images by their brighter half, with a small model."""

import numpy as np

from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.models import keras_session
from edgebake.recipe import FineTune
from edgebake.training.loop import TrainingSplits

LEARN = FineTune(epochs=4, batch_size=16, learning_rate=0.01, seed=0, threads=1)


def splits() -> TrainingSplits:
    labels = np.arange(96) % 2
    images = np.random.default_rng(0).uniform(-1, 1, (96, 8, 8, 1)).astype(np.float32)
    images[labels == 1, 4:] *= 0.2
    return TrainingSplits(images[:64], labels[:64], images[64:], labels[64:])


def parent() -> OriginalModel:
    """Return a trained model with each kind of layer that pruning methods treat differently."""
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.BatchNormalization(name="norm", momentum=0.9)(
        layers.Conv2D(16, 3, use_bias=False, name="conv")(image)
    )
    x = layers.DepthwiseConv2D(3, activation="relu", name="depthwise")(layers.ReLU(name="relu")(x))
    x = layers.GlobalAveragePooling2D(name="average")(
        layers.Conv2D(8, 1, activation="relu", name="wide")(x)
    )
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="probabilities")(x))
    model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy")
    seen = splits()
    model.fit(seen.inputs, seen.labels, epochs=15, batch_size=16, verbose=0)
    return OriginalModel(keras_session.save(keras.Model(model.input, model.output)), LEARN, seen)
