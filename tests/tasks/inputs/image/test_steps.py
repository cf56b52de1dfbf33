"""The steps of an image make the same tensor as its preprocessing at once."""

import itertools

import numpy as np
import pytest

from edgebake.tasks.contract import image_classifier
from edgebake.tasks.inputs.image.spec import ImageSpec

SIZES = ((False, None), (True, None), (True, 14), (False, 14))  # antialias, short_side
CASES = list(
    itertools.product(
        ("grayscale", "rgb", "bgr"), ("none", "center"), ("nearest", "bicubic"), SIZES
    )
)


@pytest.mark.parametrize(("color", "crop", "resize", "size"), CASES, ids=str)
def test_steps_equal_the_preprocessing(
    color: str, crop: str, resize: str, size: tuple[bool, int | None]
) -> None:
    antialias, short_side = size
    image = ImageSpec(9, 12, color, crop, resize, [99.5], [1 / 31], antialias, short_side)
    random = np.random.default_rng(0)
    images = [
        random.integers(0, 256, (30, 20, 3), np.uint8),
        random.integers(0, 256, (11, 17), np.uint8),
    ]
    made = image_classifier(image, ["a"]).prepare({"image": images})["image"]
    np.testing.assert_array_equal(made, image.preprocess(images))
