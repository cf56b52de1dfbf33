"""Each way of resizing equals that of a library: TensorFlow, Keras, torchvision."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images  # before a test starts Keras, which hides it

from edgebake.tasks.resize import (
    Size,
    aspect_box,
    center_box,
    filter_terms,
    interpolate,
    resize,
    short_side_size,
)

Pixels = NDArray[np.uint8]

# One smaller, one larger, one that keeps a side, and the resolutions of common models.
SIZES = [(224, 224), (96, 96), (48, 48), (300, 200), (700, 500), (640, 100)]


@pytest.fixture(scope="module")
def photos() -> list[Pixels]:
    """Two photos of 427 x 640 pixels, uint8 [h, w, 3]."""
    images: list[Pixels] = load_sample_images().images
    return images


def _tensorflow(photo: Pixels, size: Size, filter_name: str, antialias: bool) -> NDArray[np.int64]:
    import tensorflow as tf

    width, height = size
    resized: Any = tf.image.resize(photo, (height, width), filter_name, antialias=antialias)
    levels: NDArray[np.int64] = np.rint(resized.numpy()).clip(0, 255).astype(np.int64)
    return levels


def _differences(first: Image.Image, second: NDArray[np.int64]) -> NDArray[np.int64]:
    differences: NDArray[np.int64] = np.abs(np.asarray(first).astype(np.int64) - second)
    return differences


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("filter_name", ["bilinear", "bicubic"])
def test_without_antialiasing_it_is_tensorflows_default(
    photos: list[Pixels], size: Size, filter_name: str
) -> None:
    for photo in photos:
        resized = resize(Image.fromarray(photo), size, filter_name, antialias=False)
        differences = _differences(resized, _tensorflow(photo, size, filter_name, antialias=False))
        assert differences.max() <= 1
        assert (differences > 0).mean() < 0.03  # halves, which float32 rounds either way


@pytest.mark.parametrize("size", SIZES)
def test_with_antialiasing_bilinear_is_tensorflows_with_antialiasing(
    photos: list[Pixels], size: Size
) -> None:
    for photo in photos:
        resized = resize(Image.fromarray(photo), size, "bilinear", antialias=True)
        assert _differences(resized, _tensorflow(photo, size, "bilinear", True)).max() <= 1


def test_the_two_differ_by_ten_levels_on_average_when_a_photo_shrinks_to_96_pixels(
    photos: list[Pixels],
) -> None:
    photo = Image.fromarray(photos[0])
    widened = np.asarray(resize(photo, (96, 96), "bilinear", antialias=True)).astype(np.int64)
    differences = _differences(resize(photo, (96, 96), "bilinear", antialias=False), widened)
    assert round(differences.mean(), 1) == 10.2


@pytest.mark.parametrize("size", [(96, 96), (120, 60), (60, 120), (500, 900)])
def test_a_crop_without_antialiasing_is_that_of_keras(photos: list[Pixels], size: Size) -> None:
    import keras

    width, height = size
    layer = keras.layers.Resizing(height, width, crop_to_aspect_ratio=True, dtype="float32")
    for photo in photos:
        expected = np.rint(np.asarray(layer(photo.astype(np.float32)))).astype(np.int64)
        image = Image.fromarray(photo)
        resized = resize(image, size, "bilinear", False, aspect_box(image.size, size))
        assert _differences(resized, expected).max() <= 1


@pytest.mark.parametrize("antialias", [False, True])
def test_nearest_takes_the_same_pixels_as_tensorflow(photos: list[Pixels], antialias: bool) -> None:
    # 5 columns and 7 rows for each pixel: no center lies between two pixels, where they differ.
    size = (128, 61)
    resized = resize(Image.fromarray(photos[0]), size, "nearest", antialias)
    assert _differences(resized, _tensorflow(photos[0], size, "nearest", False)).max() == 0


def test_a_grayscale_image_stays_one() -> None:
    ramp = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (4, 1))
    resized = np.asarray(interpolate(Image.fromarray(ramp), (4, 2), "bilinear"))
    assert resized.tolist() == [[24, 88, 152, 216]] * 2  # between columns 1 and 2, 5 and 6, ...


def test_a_single_pixel_fills_any_size() -> None:
    pixel = Image.fromarray(np.full((1, 1, 3), 255, np.uint8))
    for filter_name in ("bilinear", "bicubic"):
        assert np.asarray(interpolate(pixel, (5, 3), filter_name)).tolist() == [[[255] * 3] * 5] * 3


def test_weights_are_those_of_the_pixels_around_each_center() -> None:
    # Centers of 4 of 6 pixels are at 0.25, 1.75, 3.25 and 4.75.
    first, second = filter_terms(6, 4, "bilinear")
    assert [first[0].tolist(), second[0].tolist()] == [[0, 1, 3, 4], [1, 2, 4, 5]]
    assert (first[1] / 2**22).tolist() == [0.75, 0.25, 0.75, 0.25]
    assert (second[1] / 2**22).tolist() == [0.25, 0.75, 0.25, 0.75]
    # Keys' kernel with a = -0.5 at 0.5 is 0.5625, at 1.5 is -0.0625: here between pixels 2 and 3.
    middle = [weights[1] / 2**22 for _, weights in filter_terms(6, 3, "bicubic")]
    assert middle == [-0.0625, 0.5625, 0.5625, -0.0625]


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((640, 427), 256, (383, 256)),  # int(256 * 640 / 427) = int(383.7)
        ((427, 640), 256, (256, 383)),
        ((500, 375), 256, (341, 256)),  # int(341.3)
        ((300, 300), 256, (256, 256)),
        ((100, 33), 99, (300, 99)),  # exactly 300
        ((3, 4), 7, (7, 9)),  # int(9.33)
    ],
)
def test_the_short_side_is_resized_as_in_torchvision(
    size: Size, short_side: int, expected: Size
) -> None:
    """`_compute_resized_output_size`: int(size * long / short) for the longer side."""
    assert short_side_size(size, short_side) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((383, 256), (80, 16, 304, 240)),  # (383 - 224) / 2 = 79.5, to even: 80
        ((341, 256), (58, 16, 282, 240)),  # 58.5, to even: 58
        ((256, 256), (16, 16, 240, 240)),
        ((225, 227), (0, 2, 224, 226)),  # 0.5 to 0, 1.5 to 2
        ((224, 224), (0, 0, 224, 224)),
    ],
)
def test_the_center_is_cropped_as_in_torchvision(size: Size, expected: tuple[int, ...]) -> None:
    """`CenterCrop`: int(round((height - crop_height) / 2.0)), which rounds halves to even."""
    assert center_box(size, (224, 224)) == expected
