"""A small network that quantizes badly on purpose, while as a float model it is sound.

In float the damage changes nothing: the next layer divides a channel by the factor that the layer
before multiplied it by. Source: Nagel et al., Data-Free Quantization,
https://arxiv.org/abs/1906.04721, section 4.1: cross-layer equalization, here done backwards. It
holds for ReLU, where f(s x) = s f(x) for s > 0, and not for ReLU6.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.data.dataset import take_split
from edgebake.data.sources import digits
from edgebake.models import keras_session
from edgebake.recipe import Color, Crop, Data, Model, Resize, Splits, Task
from edgebake.tasks import contract
from edgebake.tasks.options import ContractOptions

RESOLUTION = 16  # pixels a side
CLASSES = 10
SEED = 2  # of 0, 1 and 2, all of which damage spoils as it should, the one with the widest margins
EPOCHS = 12
BATCH_SIZE = 32
LEARNING_RATE = 0.01

# Each pair is a convolution and the depthwise convolution that alone reads it. Each of their
# weights belongs to one damaged channel, so per-channel scales repair all weights. Activations
# have one scale per tensor, which nothing repairs.
CHANNEL_PAIRS = (("stem", "depthwise_1"), ("pointwise_1", "depthwise_2"))
CHANNEL_SCALES = (
    1,
    1 / 2,
    1,
    1 / 4,
    1,
    1 / 8,
    1,
    1 / 64,
)  # with 1/128, int8 per channel suffers too
OUTLIER_PAIR = (
    "pointwise_2",
    "depthwise_3",
)  # both must stay in float to keep the tensor between them out of int8
OUTLIER_SCALE = 128.0  # the other channels share about two of 256 levels

DATA = Data(
    source="digits",
    path=None,
    color=Color.grayscale,
    crop=Crop.none,
    resize=Resize.bilinear,
    mean=[127.5],
    scale=[1 / 127.5],
    seed=0,
    splits=Splits(train=0.5, calibration=0.1, validation=0.1, test=0.3),
)


def pictures(name: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return a split: preprocessed images, float32 [n, h, w, c], and labels, int64 [n]."""
    examples = digits.load(DATA)
    model = Model(architecture="hostile", width_multiplier=1.0, resolution=RESOLUTION)
    split = take_split(examples, DATA, name)
    model_contract = contract.from_recipe(ContractOptions(DATA, model, Task()), examples.classes)
    return model_contract.image.preprocess(split.inputs), split.labels


def build() -> Any:
    """Return the untrained network.

    It has three depthwise-separable blocks, the second with squeeze-and-excite.
    """
    import keras

    layers = keras.layers
    image = keras.Input((RESOLUTION, RESOLUTION, 1), name="image")
    x = _normalized(layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image))
    x = _separable(x, 1, 24)
    x = _separable(x, 2, 32, excite=True)
    x = _separable(x, 3, 48)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(
        image, layers.Dense(CLASSES, activation="softmax", name="probabilities")(x), name="hostile"
    )


def trained() -> bytes:
    """Return the archive of the network after training, the same bytes each time."""
    keras = keras_session.start(1, SEED)
    model = build()
    images, labels = pictures("train")
    steps = EPOCHS * -(-len(labels) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(rate, name="adam"), "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=EPOCHS, batch_size=BATCH_SIZE, verbose=0)
    return keras_session.save(model)


def damaged(archive: bytes, channels: bool = True, outlier: bool = True) -> bytes:
    """Return an archive of the same function whose weights or activations quantize badly."""
    keras_session.start(1)
    model = keras_session.load(archive)
    if channels:
        for writer, reader in CHANNEL_PAIRS:
            width = model.get_layer(writer).filters
            factors = np.resize(np.array(CHANNEL_SCALES, np.float32), width)
            _rescale(model, writer, reader, factors)
    if outlier:
        writer, reader = OUTLIER_PAIR
        factors = np.ones(model.get_layer(writer).filters, np.float32)
        largest = np.argmax(model.get_layer(f"{writer}_norm").gamma.numpy())
        factors[largest] = OUTLIER_SCALE
        _rescale(model, writer, reader, factors)
    return keras_session.save(model)


def _rescale(model: Any, writer: str, reader: str, factors: NDArray[np.float32]) -> None:
    """Multiply output channels of `writer`; divide the weights of the depthwise layer `reader`."""
    norm, layer = model.get_layer(f"{writer}_norm"), model.get_layer(reader)
    norm.gamma.assign(norm.gamma * factors)
    norm.beta.assign(norm.beta * factors)
    layer.kernel.assign(layer.kernel / factors[None, None, :, None])


def _separable(x: Any, number: int, filters: int, excite: bool = False) -> Any:
    import keras

    layers = keras.layers
    strides = 2
    if number == 3:
        strides = 1
    depthwise = layers.DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, name=f"depthwise_{number}"
    )
    x = _normalized(depthwise(x))
    if excite:
        x = _excited(x)
    pointwise = layers.Conv2D(filters, 1, use_bias=False, name=f"pointwise_{number}")
    return _normalized(pointwise(x))


def _excited(x: Any) -> Any:
    import keras

    layers, channels = keras.layers, x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Dense(channels // 4, activation="relu", name="reduce")(gate)
    return layers.Multiply(name="excite")(
        [x, layers.Dense(channels, activation="sigmoid", name="expand")(gate)]
    )


def _normalized(x: Any) -> Any:
    import keras

    name = x._keras_history.operation.name
    return keras.layers.ReLU(name=f"{name}_relu")(
        keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    )
