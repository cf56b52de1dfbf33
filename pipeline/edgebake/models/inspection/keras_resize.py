"""Read how a model of Keras resizes images from a Resizing layer in its config."""

from typing import Any

from edgebake.models.importers.safety import Config
from edgebake.models.inspection import keras_config
from edgebake.models.inspection.model_info import ImageResize

FILTERS = ("nearest", "bilinear", "bicubic")  # that recipes have too
# Layers that leave an image as it is, or change only its pixels' scale.
BEFORE = ("InputLayer", "Rescaling", "Normalization")
MAX_SIDE = 16384  # pixels


def find(model: Config) -> ImageResize | None:
    """Return the resize of images of any size before the first other layer; None: not known.

    A model whose input has one size may resize what was resized before, in a way that its config
    does not tell.
    """
    inputs = keras_config.inputs(model)
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        return None
    if inputs[0].shape[1] is not None or inputs[0].shape[2] is not None:
        return None
    for layer in reversed(list(keras_config.layers_from_output(model))):
        if layer["class_name"] == "Resizing":
            return _image_resize(layer["config"])
        if layer["class_name"] not in BEFORE:
            return None
    return None


def _image_resize(config: Any) -> ImageResize | None:
    height = config.get("height")
    width = config.get("width")
    filter_name = config.get("interpolation", "bilinear")
    if not (_is_side(height) and _is_side(width)) or filter_name not in FILTERS:
        return None
    if config.get("pad_to_aspect_ratio"):
        return None
    return ImageResize(
        height=height,
        width=width,
        filter_name=filter_name,
        antialias=config.get("antialias") is True,
        is_cropped=config.get("crop_to_aspect_ratio") is True,
        reason=f"{config.get('name')}: Resizing",
    )


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIDE
