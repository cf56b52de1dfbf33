"""Resize and crop an image: the reference for every language.

Needs NumPy and Pillow alone: the Python sample contains the text of this module. Sizes are (width,
height) and boxes are (left, top, right, bottom), in whole pixels.
"""

from math import floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Size = tuple[int, int]
Box = tuple[int, int, int, int]
# The columns of an image that one term of every new column reads, and their weights.
Term = tuple[NDArray[np.int64], NDArray[np.int64]]

RESAMPLING_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
FILTER_RADIUS = {"bilinear": 1, "bicubic": 2}  # pixels
CUBIC = -0.5  # the parameter of Keys' cubic kernel
WEIGHT_BITS = 22  # of a weight in fixed point
SUM_BITS = 2 * WEIGHT_BITS  # of the product of a row's and a column's weight


def resize(
    image: Image.Image, size: Size, filter_name: str, antialias: bool, box: Box | None = None
) -> Image.Image:
    """Resize a box of an image; None: all of it.

    With `antialias`, the filter widens as the image shrinks, as in Pillow, and it also reads
    pixels around the box. Without, the image is cropped first.
    """
    if antialias or filter_name == "nearest":
        resampling = RESAMPLING_FILTERS[filter_name]
        return image.resize(size, resampling, box)
    if box is not None:
        image = image.crop(box)
    return interpolate(image, size, filter_name)


def interpolate(image: Image.Image, size: Size, filter_name: str) -> Image.Image:
    """Resize an image by a filter of fixed width, as tf.image.resize without antialiasing.

    The centers of pixels are at half coordinates, and weights are fixed-point numbers. The sum is
    rounded once.
    """
    pixels = np.asarray(image)  # [h, w] or [h, w, channels]
    width, height = size
    channel_sizes = pixels.shape[2:]
    channel_axes = (1,) * len(channel_sizes)
    half = 1 << (SUM_BITS - 1)
    sums = np.full((height, width, *channel_sizes), half, np.int64)
    row_terms = filter_terms(image.height, height, filter_name)
    column_terms = filter_terms(image.width, width, filter_name)
    for rows, row_weights in row_terms:
        for columns, column_weights in column_terms:
            weights = np.outer(row_weights, column_weights)
            values = pixels[rows[:, None], columns]
            factors = weights.reshape(height, width, *channel_axes)
            sums += values.astype(np.int64) * factors
    levels = sums >> SUM_BITS
    levels = levels.clip(0, 255)
    return Image.fromarray(levels.astype(np.uint8))


def filter_terms(old_length: int, new_length: int, filter_name: str) -> list[Term]:
    """Return the terms of the weighted sum that each new row or column is.

    Weights outside the image are 0; the others are divided by their sum.
    """
    radius = FILTER_RADIUS[filter_name]
    count = 2 * radius
    indices = np.zeros((count, new_length), np.int64)
    weights = np.zeros((count, new_length), np.int64)
    scale = old_length / new_length
    for place in range(new_length):
        center = (place + 0.5) * scale - 0.5
        first = floor(center) - radius + 1
        values = []
        total = 0.0  # not `sum`, which compensates for rounding from Python 3.12 on
        for index in range(first, first + count):
            value = 0.0
            if 0 <= index < old_length:
                distance = abs(index - center)
                value = kernel(filter_name, distance)
            values.append(value)
            total += value
        for term in range(count):
            index = max(first + term, 0)
            indices[term, place] = min(index, old_length - 1)
            share = values[term] / total
            weights[term, place] = fixed_point(share)
    return list(zip(indices, weights, strict=True))


def kernel(filter_name: str, distance: float) -> float:
    """Return the weight of a pixel at a distance from the filter's center, in pixels."""
    x = distance
    if filter_name == "bilinear":
        return max(1.0 - x, 0.0)
    if x < 1.0:
        slope = (CUBIC + 2.0) * x - (CUBIC + 3.0)
        return slope * x * x + 1
    if x < 2.0:
        polynomial = ((x - 5) * x + 8) * x - 4
        return polynomial * CUBIC
    return 0.0


def fixed_point(weight: float) -> int:
    """Return a weight as a whole number of units of 2^-22, rounded half away from zero."""
    half = 0.5
    if weight < 0:
        half = -0.5
    units = weight * (1 << WEIGHT_BITS)
    return int(units + half)


def aspect_box(size: Size, target_size: Size) -> Box:
    """Return the largest centered box with the aspect ratio of a target size, rounded down."""
    width, height = size
    target_width, target_height = target_size
    width_of_aspect = height * target_width // target_height
    height_of_aspect = width * target_height // target_width
    box_width = min(width, width_of_aspect)
    box_height = min(height, height_of_aspect)
    left = (width - box_width) // 2
    top = (height - box_height) // 2
    right = left + box_width
    bottom = top + box_height
    return left, top, right, bottom


def short_side_size(size: Size, short_side: int) -> Size:
    """Return the size of an image whose shorter side is given, at the same aspect ratio.

    The longer side is rounded down, as in torchvision's `Resize` of one number.
    """
    width, height = size
    if width <= height:
        long_side = short_side * height // width
        return short_side, long_side
    long_side = short_side * width // height
    return long_side, short_side


def center_box(size: Size, target_size: Size) -> Box:
    """Return a centered box of a size, at most that of the image.

    Half pixels are rounded to even, as in torchvision's `CenterCrop`.
    """
    width, height = size
    target_width, target_height = target_size
    spare_width = width - target_width
    spare_height = height - target_height
    left = round(spare_width / 2)
    top = round(spare_height / 2)
    right = left + target_width
    bottom = top + target_height
    return left, top, right, bottom
