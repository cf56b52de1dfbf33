"""Steps from an image to the model's input: the reference for every language.

Needs NumPy and Pillow alone: the Python sample contains the text of this module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.tasks.resize import aspect_box, center_box, resize, short_side_size

Step = dict[str, Any]  # its name as `step`, and its parameters
Numbers = Mapping[str, NDArray[np.float32]]


def decode(step: Step, image: Any, _: Numbers) -> Image.Image:
    """Return an image in the model's colors, its channels in the model's order.

    Args:
        step: `colour` is grey, rgb or bgr.
        image: of Pillow, or pixels uint8 [h, w] or [h, w, 3] in the order RGB.
        _: no numbers.
    """
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    color = step["colour"]
    mode = "L" if color == "grey" else "RGB"
    if image.mode != mode:  # convert() copies an image that has the mode already
        image = image.convert(mode)
    if color == "bgr":
        pixels = np.asarray(image)
        image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    decoded: Image.Image = image
    return decoded


@dataclass(frozen=True)
class Cropped:
    """An image of which the next step reads the centered region with its new aspect ratio."""

    image: Image.Image


def crop(_: Step, image: Image.Image, __: Numbers) -> Cropped:
    """Mark an image to be cropped: filters also read the pixels around the region."""
    return Cropped(image)


def resize_to(step: Step, image: Image.Image | Cropped, _: Numbers) -> Image.Image:
    """Return an image, or its centered region, in the model's size."""
    size = (step["width"], step["height"])
    box = None  # the whole image
    if isinstance(image, Cropped):
        image = image.image
        box = aspect_box(image.size, size)
    return resize(image, size, step["filter"], step["antialias"], box)


def resize_short_side(step: Step, image: Image.Image, _: Numbers) -> Image.Image:
    """Return an image at a length of its shorter side, with its aspect ratio."""
    size = short_side_size(image.size, step["short_side"])
    return resize(image, size, step["filter"], step["antialias"])


def center_crop(step: Step, image: Image.Image, _: Numbers) -> Image.Image:
    """Return the centered region of a size."""
    size = (step["width"], step["height"])
    return image.crop(center_box(image.size, size))


STEPS: dict[str, Callable[[Step, Any, Numbers], Any]] = {
    "decode": decode,
    "crop": crop,
    "resize": resize_to,
    "interpolate": resize_to,
    "resize_short_side": resize_short_side,
    "center_crop": center_crop,
}
