"""Read the shape of a Keras model's output from the configs of its last layers."""

from collections.abc import Sequence

from edgebake.models.importers.safety import Config

# Layers whose last dimension is that of their input, besides pooling.
SIZE_PRESERVING = (
    "Reshape",
    "Flatten",
    "Dropout",
    "Identity",
    "Activation",
    "Softmax",
    "BatchNormalization",
    "ReLU",
)
# Layers whose output has as many axes as their input.
RANK_PRESERVING = (
    "Dense",
    "Dropout",
    "Identity",
    "Activation",
    "Softmax",
    "ReLU",
    "LeakyReLU",
    "BatchNormalization",
)
# Layers whose output is [n, height, width, channels].
IMAGE_LAYERS = (
    "Conv2D",
    "Convolution2D",
    "Conv2DTranspose",
    "DepthwiseConv2D",
    "SeparableConv2D",
    "MaxPooling2D",
    "AveragePooling2D",
    "UpSampling2D",
    "ZeroPadding2D",
    "Cropping2D",
)


def shape(layers: Sequence[Config]) -> tuple[int | None, ...]:
    """Return the shape of the output, None where it is not known; two axes if no layer states it.

    Args:
        layers: from the output back to the input.
    """
    units = _units(layers)
    if _is_image(layers):
        return (None, None, None, units)
    return (None, units)


def _is_image(layers: Sequence[Config]) -> bool:
    """Return whether the output still has the height and width of an image."""
    for layer in layers:
        if layer["class_name"] not in RANK_PRESERVING:
            return layer["class_name"] in IMAGE_LAYERS
    return False


def _units(layers: Sequence[Config]) -> int | None:
    """Return the size of the last dimension of the output; None if it is not known."""
    for layer in layers:
        class_name = layer["class_name"]
        config = layer["config"]
        units = config.get("units", config.get("filters"))
        if class_name == "Reshape":
            units = _last(config.get("target_shape"))
            if not isinstance(units, int) or units < 1:
                continue
        if isinstance(units, int) and not isinstance(units, bool):
            return units if units > 0 else None
        if class_name not in SIZE_PRESERVING and "Pooling" not in class_name:
            return None
    return None


def _last(value: object) -> object:
    if isinstance(value, list) and value:
        return value[-1]
    return None
