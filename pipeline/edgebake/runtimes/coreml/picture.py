"""Pixels in the order of a model's channels in, the picture that Core ML takes for them out.

Core ML takes pictures, whose red comes first; a program that sees blue first turns them itself.
"""

from typing import Any

from numpy.typing import NDArray

from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.package import Package


def to_picture(pixels: NDArray[Any], package: Package) -> NDArray[Any]:
    """Return pixels uint8 [n, h, w, c] as the picture of the package's one image."""
    (image,) = package.specification.description.input
    is_turned = (
        image.type.imageType.colorSpace
        == schema.load_module("FeatureTypes_pb2").ImageFeatureType.BGR
    )
    return pixels[..., ::-1] if is_turned else pixels
