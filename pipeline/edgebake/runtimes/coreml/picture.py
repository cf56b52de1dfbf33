"""Convert pixels to the color order of Core ML's images, whose first channel is red.

A model whose first channel is blue reorders the channels of such an image itself.
"""

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.package import Package


def to_picture(pixels: NDArray[np.uint8], package: Package) -> NDArray[np.uint8]:
    """Reverse the channels of pixels uint8 [n, h, w, c] of a model whose first one is blue."""
    (image,) = package.specification.description.input
    color_space = image.type.imageType.colorSpace
    color_spaces = schema.load_module("FeatureTypes_pb2").ImageFeatureType
    if color_space == color_spaces.BGR:
        return pixels[..., ::-1]
    return pixels
