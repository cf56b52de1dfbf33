"""Make the inputs of a package of what a session is fed.

The first channel of Core ML's images is red; a model whose first channel is blue reorders the
channels of such an image itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.package import Package
from edgebake.runtimes.session import values_for
from edgebake.tasks.tensors import Feeds

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import FeatureDescription


def package_inputs(example: Feeds, package: Package) -> dict[str, NDArray[Any]]:
    """Return the inputs of a package by name: pixels uint8 [n, h, w, c] of images, else tensors.

    Raises:
        ValueError: one is missing.
    """
    inputs = {}
    for feature in package.specification.description.input:
        values = values_for(feature.name, example)
        if is_image(feature):
            values = _to_picture(values, feature.type.imageType.colorSpace)
        inputs[feature.name] = values
    return inputs


def is_image(feature: FeatureDescription) -> bool:
    """Return whether an input is an image, and not an array."""
    return bool(feature.type.WhichOneof("Type") == "imageType")


def _to_picture(pixels: NDArray[np.uint8], color_space: int) -> NDArray[np.uint8]:
    """Reverse the channels of pixels uint8 [n, h, w, c] of a model whose first one is blue."""
    color_spaces = schema.load_module("FeatureTypes_pb2").ImageFeatureType
    if color_space == color_spaces.BGR:
        return pixels[..., ::-1]
    return pixels
