"""Tensors whose blocks of pixels are moved to channels or to the batch, and back."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes
from tests.runtimes.coreml.programs import Argument, Array, constant

CHANNELS = np.arange(8.0).reshape(
    1, 8, 1, 1
)  # two channels of the result, four places of a block each


@pytest.mark.parametrize(
    ("kind", "parameter", "expected"),
    [
        (
            "depth_to_space",
            "block_size",
            [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]],
        ),  # places first, as in TensorFlow
        (
            "pixel_shuffle",
            "upscale_factor",
            [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]],
        ),  # channels first, as in PyTorch
    ],
)
def test_channels_become_pixels_in_two_orders(kind: str, parameter: str, expected: Any) -> None:
    assert_computes(kind, {"x": CHANNELS}, {parameter: 2}, np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("kind", "parameter", "pixels"),
    [
        ("space_to_depth", "block_size", [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]),
        ("pixel_unshuffle", "downscale_factor", [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]),
    ],
)
def test_pixels_become_channels_in_two_orders(kind: str, parameter: str, pixels: Any) -> None:
    assert_computes(
        kind, {"x": np.array(pixels, np.float32)}, {parameter: 2}, CHANNELS.astype(np.float32)
    )


def test_several_blocks_of_pixels_stay_where_they_are() -> None:
    image = np.arange(24, dtype=np.float32).reshape(1, 1, 4, 6)
    expected = np.stack([image[0, 0, row::2, column::2] for row in (0, 1) for column in (0, 1)])[
        None
    ]
    assert_computes("space_to_depth", {"x": image}, {"block_size": 2}, expected)
    assert_computes("pixel_unshuffle", {"x": image}, {"downscale_factor": 2}, expected)
    assert_computes("depth_to_space", {"x": expected}, {"block_size": 2}, image)
    assert_computes("pixel_shuffle", {"x": expected}, {"upscale_factor": 2}, image)


IMAGES = np.arange(1, 25, dtype=np.float32).reshape(2, 1, 3, 4)


def _blocks(images: Array, block: tuple[int, int]) -> Array:
    """Return a batch per position in a block, all images of a position together."""
    places = [(row, column) for row in range(block[0]) for column in range(block[1])]
    return np.concatenate(
        [images[:, :, row :: block[0], column :: block[1]] for row, column in places]
    )


def test_space_to_batch_by_hand() -> None:
    parameters: dict[str, Argument] = {
        "block_shape": [2, 2],
        "paddings": constant(np.zeros((2, 2), np.int32)),
    }
    assert_computes(
        "space_to_batch",
        {"x": [[[[1.0, 2.0], [3.0, 4.0]]]]},
        parameters,
        [[[[1.0]]], [[[2.0]]], [[[3.0]]], [[[4.0]]]],
    )


@pytest.mark.parametrize("block", [(2, 2), (4, 3), (1, 2)])
def test_space_to_batch_pads_and_batch_to_space_crops(block: tuple[int, int]) -> None:
    paddings = np.array([[1, 0], [0, 2]], np.int32)
    padded = np.pad(IMAGES, ((0, 0), (0, 0), *paddings.tolist()))
    parameters: dict[str, Argument] = {"block_shape": list(block)}
    assert_computes(
        "space_to_batch", {"x": IMAGES}, parameters | {"paddings": paddings}, _blocks(padded, block)
    )
    assert_computes(
        "batch_to_space", {"x": _blocks(padded, block)}, parameters | {"crops": paddings}, IMAGES
    )
