"""The resize of ImageSteps.kt and ImageSteps.swift, in Python, gives the reference's bytes.

The tests have no compiler for Swift, so they test the algorithm in Python: each function has the
name and the lines of the one in the templates. Integer division, truncation and shifts mean the
same in all three languages: no negative number is divided or truncated where they differ. That the
Swift template is equal cannot be tested here; `test_the_templates_hold_the_same_numbers` looks for
the lines in which a mistake would be hard to see. test_samples_kotlin.py runs the Kotlin one.
"""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake.tasks import resize
from edgebake.tasks.inputs import image

APP = Path(image.__file__).with_name("app")
Pixels = NDArray[np.int64]  # [height, width, channels]
Box = tuple[int, int, int, int]
PRECISION_BITS = 22


def middle(pixels: Pixels, across: int, down: int) -> Box:
    height, width = pixels.shape[:2]
    wide = min(width, height * across // down)
    high = min(height, width * down // across)
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def resized(pixels: Pixels, width: int, height: int, box: Box, name: str) -> Pixels:
    left, top, right, bottom = box
    if name == "nearest":
        return pixels[nearest(top, bottom, height)][:, nearest(left, right, width)]
    columns = weights(pixels.shape[1], left, right, width, name)
    rows = weights(pixels.shape[0], top, bottom, height, name)
    is_tall = height < pixels.shape[0] and pixels.shape[0] - height > 2 * (pixels.shape[1] - width)
    if is_tall:
        return resampled(transposed(resampled(transposed(pixels), rows)), columns)
    return transposed(resampled(transposed(resampled(pixels, columns)), rows))


def nearest(start: int, end: int, size: int) -> list[int]:
    scale = (end - start) / size
    place = start + scale * 0.5
    found = []
    for _ in range(size):
        found.append(int(place))
        place += scale
    return found


def weights(old: int, start: int, end: int, size: int, name: str) -> list[tuple[int, list[int]]]:
    scale = (end - start) / size
    stretch = max(scale, 1.0)
    support = (2.0 if name == "bicubic" else 1.0) * stretch
    found = []
    for place in range(size):
        center = start + (place + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), old)
        real = [
            bell(name, (number + first - center + 0.5) * (1.0 / stretch))
            for number in range(last - first)
        ]
        total = 0.0
        for one in real:
            total += one
        found.append((first, [fixed(one if total == 0.0 else one / total) for one in real]))
    return found


def fixed(weight: float) -> int:
    return int(weight * (1 << PRECISION_BITS) + (-0.5 if weight < 0 else 0.5))


def bell(name: str, distance: float) -> float:
    x = abs(distance)
    a = -0.5
    if name == "bilinear":
        return max(1.0 - x, 0.0)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    if x < 2.0:
        return (((x - 5) * x + 8) * x - 4) * a
    return 0.0


def resampled(pixels: Pixels, table: list[tuple[int, list[int]]]) -> Pixels:
    columns = []
    for first, values in table:
        total = np.full(pixels[:, 0].shape, 1 << (PRECISION_BITS - 1), np.int64)
        for place, value in enumerate(values):
            total += pixels[:, first + place] * value
        columns.append((total >> PRECISION_BITS).clip(0, 255))
    return np.stack(columns, axis=1)


def transposed(pixels: Pixels) -> Pixels:
    return pixels.transpose(1, 0, 2)


def neighbors(old: int, size: int, name: str) -> list[tuple[int, list[int]]]:
    scale = old / size
    radius = 2 if name == "bicubic" else 1
    found = []
    for place in range(size):
        center = (place + 0.5) * scale - 0.5
        start = math.floor(center) - radius + 1
        first = max(start, 0)
        last = min(start + 2 * radius, old)
        real = [bell(name, number + first - center) for number in range(last - first)]
        total = 0.0
        for one in real:
            total += one
        found.append((first, [fixed(one / total) for one in real]))
    return found


def interpolated(pixels: Pixels, width: int, height: int, name: str) -> Pixels:
    columns = neighbors(pixels.shape[1], width, name)
    rows = neighbors(pixels.shape[0], height, name)
    result = np.zeros((height, width, pixels.shape[2]), np.int64)
    for y, (top, down) in enumerate(rows):
        for x, (left, across) in enumerate(columns):
            total = np.full(pixels.shape[2], 1 << (2 * PRECISION_BITS - 1), np.int64)
            for row, row_weight in enumerate(down):
                for column, column_weight in enumerate(across):
                    total += pixels[top + row, left + column] * row_weight * column_weight
            result[y, x] = (total >> (2 * PRECISION_BITS)).clip(0, 255)
    return result


def short_side(width: int, height: int, side: int) -> tuple[int, int]:
    if width <= height:
        return side, side * height // width
    return side * width // height, side


def even_half(number: int) -> int:
    return number // 2 + (1 if number % 4 == 3 else 0)


# The lines that are written in another way.
KOTLIN = {
    "? -0.5 : 0.5": "-0.5 else 0.5",
    "number / 2 + (number % 4 == 3 ? 1 : 0)": "number / 2 + (if (number % 4 == 3) 1 else 0)",
}
SWIFT = {"(place + 0.5) * scale - 0.5": "(Double(place) + 0.5) * scale - 0.5"}
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def _cases() -> list[tuple[tuple[int, int, int], tuple[int, int]]]:
    """Return shapes of images, and new sizes: smaller, larger, wide, tall, one pixel."""
    rng = np.random.default_rng(0)
    drawn = [
        ((int(high), int(wide), int(rng.choice([1, 3]))), (int(width), int(height)))
        for high, wide, width, height in rng.integers(1, 100, (60, 4))
    ]
    return [
        *drawn,
        ((1, 1, 1), (32, 32)),
        ((8, 8, 1), (32, 32)),
        ((400, 40, 3), (32, 32)),
        ((40, 400, 3), (32, 32)),
    ]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("cropped", [False, True], ids=["whole", "cropped"])
def test_the_resize_of_the_samples_is_pillows_to_the_bit(name: str, cropped: bool) -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for shape, (width, height) in _cases():
        values = rng.integers(0, 256, shape, dtype=np.uint8)
        pixels = values.astype(np.int64)
        box = middle(pixels, width, height) if cropped else (0, 0, shape[1], shape[0])
        if box[0] == box[2] or box[1] == box[3]:
            continue  # nothing of the picture has the model's shape
        picture = Image.fromarray(values[..., 0] if shape[2] == 1 else values)
        expected = np.asarray(picture.resize((width, height), FILTERS[name], box)).reshape(
            height, width, -1
        )
        assert np.array_equal(resized(pixels, width, height, box, name), expected), (
            shape,
            width,
            height,
            box,
        )
        seen += 1
    assert seen > 50


@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_the_interpolation_of_the_samples_is_the_references_to_the_bit(name: str) -> None:
    rng = np.random.default_rng(3)
    for shape, (width, height) in _cases()[::4]:
        values = rng.integers(0, 256, shape, dtype=np.uint8)
        picture = Image.fromarray(values[..., 0] if shape[2] == 1 else values)
        expected = np.asarray(resize.interpolate(picture, (width, height), name))
        found = interpolated(values.astype(np.int64), width, height, name)
        assert np.array_equal(found, expected.reshape(height, width, -1)), (shape, width, height)


def test_the_sizes_and_centers_of_the_samples_are_the_references() -> None:
    for width, height, side in np.random.default_rng(4).integers(1, 5000, (500, 3)).tolist():
        assert short_side(width, height, side) == resize.short_side_size((width, height), side)
    for number in range(100):
        assert even_half(number) == resize.center_box((number + 8, 8), (8, 8))[0]


def test_grey_is_pillows_to_the_bit() -> None:
    values = np.random.default_rng(2).integers(0, 256, (64, 64, 3))
    found = (values * [19595, 38470, 7471]).sum(axis=2) + 0x8000 >> 16
    assert np.array_equal(found, np.asarray(Image.fromarray(values.astype(np.uint8)).convert("L")))


@pytest.mark.parametrize("template", ["ImageSteps.kt", "ImageSteps.swift"])
def test_the_templates_hold_the_same_numbers(template: str) -> None:
    text = (APP / template).read_text()
    for line in (
        *(
            "(center - support + 0.5)",
            "(center + support + 0.5)",
            "center + 0.5) * (1.0 / stretch)",
            "a = -0.5",
        ),
        *(
            "(((x - 5) * x + 8) * x - 4) * a",
            "((a + 2.0) * x - (a + 3.0)) * x * x + 1",
            "? -0.5 : 0.5",
        ),
        *(
            "19595",
            "38470",
            "7471",
            "0x8000",
            "pixels.height - height > 2 * (pixels.width - width)",
        ),
        *("pixels.height * across / down", "pixels.width * down / across", "= 22"),
        *("(place + 0.5) * scale - 0.5", "- radius + 1", "start + 2 * radius, old"),
        *("side * pixels.height / pixels.width", "side * pixels.width / pixels.height"),
        *("number / 2 + (number % 4 == 3 ? 1 : 0)", "unknown filter"),
    ):
        spelling = KOTLIN if template.endswith(".kt") else SWIFT
        assert spelling.get(line, line) in text
