"""Convolution and its transpose, compared with sums worked out by hand and plain loops."""

import itertools
from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, real, text

LINE = [[[1.0, 2.0, 3.0, 4.0]]]
PAIR = [[[1.0, 10.0]]]  # a kernel that shows in decimal digits what it saw


def looped(
    x: Array, weight: Array, strides: list[int], dilations: list[int], groups: int = 1
) -> Array:
    """Return the convolution of an image that is padded already."""
    kernel = [
        (size - 1) * spread + 1 for size, spread in zip(weight.shape[2:], dilations, strict=True)
    ]
    sizes = [
        (whole - own) // step + 1
        for whole, own, step in zip(x.shape[2:], kernel, strides, strict=True)
    ]
    result = np.zeros((x.shape[0], weight.shape[0], *sizes))
    per_group = weight.shape[0] // groups
    for channel, row, column in itertools.product(range(weight.shape[0]), *map(range, sizes)):
        first = channel // per_group * weight.shape[1]
        top, left = row * strides[0], column * strides[1]
        window = x[
            :, first : first + weight.shape[1], top : top + kernel[0], left : left + kernel[1]
        ]
        window = window[:, :, :: dilations[0], :: dilations[1]]
        result[:, channel, row, column] = (window * weight[channel]).sum(axis=(1, 2, 3))
    return result


def spread_out(x: Array, weight: Array, strides: list[int], dilations: list[int]) -> Array:
    """Return the uncropped transposed convolution: the sum of a scaled kernel for each number."""
    kernel = [
        (size - 1) * spread + 1 for size, spread in zip(weight.shape[2:], dilations, strict=True)
    ]
    sizes = [
        (size - 1) * step + own
        for size, step, own in zip(x.shape[2:], strides, kernel, strict=True)
    ]
    result = np.zeros((x.shape[0], weight.shape[1], *sizes))
    for batch, channel, row, column in np.ndindex(*x.shape):
        rows = slice(row * strides[0], row * strides[0] + kernel[0], dilations[0])
        columns = slice(column * strides[1], column * strides[1] + kernel[1], dilations[1])
        result[batch, :, rows, columns] += x[batch, channel, row, column] * weight[channel]
    return result


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [21, 32, 43]),
        ({"pad_type": text("valid")}, [21, 32, 43]),
        ({"pad_type": text("same")}, [21, 32, 43, 4]),  # the surplus is at the end
        ({"pad_type": text("same_lower")}, [10, 21, 32, 43]),  # and here at the beginning
        ({"pad_type": text("custom"), "pad": [1, 2]}, [10, 21, 32, 43, 4, 0]),
        ({"strides": [2]}, [21, 43]),
        ({"dilations": [2]}, [31, 42]),
        ({"pad_type": text("same"), "strides": [2]}, [21, 43]),
        ({"pad_type": text("same"), "dilations": [2]}, [20, 31, 42, 3]),
        ({"pad_type": text("same"), "strides": [3]}, [21, 4]),
        ({"pad_type": text("same_lower"), "strides": [3]}, [10, 43]),
        ({"pad_type": text("same"), "strides": [4]}, [21]),  # ceil(4 / 4) windows, of which all fit
        ({"bias": [0.5]}, [21.5, 32.5, 43.5]),
    ],
)
def test_a_line_is_padded_as_its_pad_type_says(
    parameters: dict[str, Argument], expected: list[float]
) -> None:
    result = np.array([[expected]], np.float32)
    assert_computes(
        "conv", {"x": LINE}, {"weight": np.array(PAIR, np.float32), **parameters}, result
    )


@pytest.mark.parametrize("pad_type", ["same", "same_lower"])
def test_same_keeps_the_size_over_the_stride_rounded_up(pad_type: str) -> None:
    random = np.random.default_rng(0)
    x, weight = random.normal(size=(2, 3, 7, 6)), random.normal(size=(4, 3, 4, 3))
    # 7 rows, stride 2: 4 windows cover 6 + 4 = 10, so 3 are missing.
    # 6 columns, stride 3: 2 windows cover 3 + 3.
    before, after = (1, 2) if pad_type == "same" else (2, 1)
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (0, 0)))
    parameters: dict[str, Argument] = {
        "weight": weight.astype(np.float32),
        "strides": [2, 3],
        "pad_type": text(pad_type),
    }
    assert_computes(
        "conv", {"x": x}, parameters, looped(padded, weight, [2, 3], [1, 1]).astype(np.float32)
    )


@pytest.mark.parametrize(("groups", "channels"), [(1, 4), (2, 2), (4, 1)])
def test_groups_dilations_and_padding_of_each_side(groups: int, channels: int) -> None:
    random = np.random.default_rng(1)
    x, weight = random.normal(size=(1, 4, 8, 9)), random.normal(size=(8, channels, 3, 2))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 2), (3, 0)))
    expected = looped(padded, weight, [1, 2], [2, 3], groups).astype(np.float32)
    parameters: dict[str, Argument] = {
        "weight": weight.astype(np.float32),
        "groups": groups,
        "strides": [1, 2],
    }
    parameters |= {"dilations": [2, 3], "pad_type": text("custom"), "pad": [1, 2, 3, 0]}
    assert_computes("conv", {"x": x}, parameters, expected)


def test_a_volume_has_three_axes() -> None:
    cube = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 2, 2)
    assert_computes(
        "conv", {"x": cube}, {"weight": np.ones((1, 1, 2, 2, 2), np.float32)}, [[[[[28.0]]]]]
    )


def test_the_kernel_may_come_as_an_input() -> None:
    assert_computes("conv", {"x": LINE, "weight": PAIR}, {}, [[[21.0, 32.0, 43.0]]])


def test_another_pad_type_is_refused() -> None:
    parameters: dict[str, Argument] = {
        "weight": np.array(PAIR, np.float32),
        "pad_type": text("mirror"),
    }
    assert refusal("conv", {"x": LINE}, parameters, real(1, 1, 4)) == "pad_type mirror"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [1, 12, 120, 200]),  # 1, 10, 100 and twice that one place further
        ({"strides": [2]}, [1, 10, 102, 20, 200]),
        ({"strides": [4]}, [1, 10, 100, 0, 2, 20, 200]),
        ({"dilations": [2]}, [1, 2, 10, 20, 100, 200]),
        ({"pad_type": text("custom"), "pad": [1, 2]}, [12]),
        ({"pad_type": text("custom"), "pad": [0, 1], "strides": [2]}, [1, 10, 102, 20]),
        ({"pad_type": text("same")}, [12, 120]),  # of two that are too many, one at each end
        ({"pad_type": text("same"), "strides": [2]}, [1, 10, 102, 20]),  # one too many: at the end
        ({"pad_type": text("same"), "strides": [4]}, [1, 10, 100, 0, 2, 20, 200, 0]),
        ({"strides": [2], "output_shape": [1, 1, 6]}, [1, 10, 102, 20, 200, 0]),
        ({"strides": [2], "bias": [0.5]}, [1.5, 10.5, 102.5, 20.5, 200.5]),
    ],
)
def test_a_transposed_convolution_of_a_line(
    parameters: dict[str, Argument], expected: list[float]
) -> None:
    weight = np.array([[[1.0, 10.0, 100.0]]], np.float32)
    result = np.array([[expected]], np.float32)
    assert_computes(
        "conv_transpose", {"x": [[[1.0, 2.0]]]}, {"weight": weight, **parameters}, result
    )


def test_with_same_and_an_output_shape_it_is_the_gradient_of_the_convolution_of_that_shape() -> (
    None
):
    # A `same` convolution with this kernel and stride 2 pads 3 numbers by one at each end and
    # returns 2. Its gradient is the full result [1, 10, 102, 20, 200] less one at each end.
    parameters: dict[str, Argument] = {
        "weight": np.array([[[1.0, 10.0, 100.0]]], np.float32),
        "strides": [2],
    }
    parameters |= {"pad_type": text("same"), "output_shape": [1, 1, 3]}
    assert_computes("conv_transpose", {"x": [[[1.0, 2.0]]]}, parameters, [[[10.0, 102.0, 20.0]]])


def test_a_transposed_convolution_of_a_plane() -> None:
    random = np.random.default_rng(2)
    x, weight = random.normal(size=(2, 3, 4, 3)), random.normal(size=(3, 2, 3, 2))
    whole = spread_out(x, weight, [2, 3], [2, 1])
    parameters: dict[str, Argument] = {
        "weight": weight.astype(np.float32),
        "strides": [2, 3],
        "dilations": [2, 1],
    }
    assert_computes("conv_transpose", {"x": x}, parameters, whole.astype(np.float32))
    cut = whole[:, :, 1:-2, :-1].astype(np.float32)
    assert_computes(
        "conv_transpose",
        {"x": x},
        parameters | {"pad_type": text("custom"), "pad": [1, 2, 0, 1]},
        cut,
    )


def test_groups_of_a_transposed_convolution_keep_to_themselves() -> None:
    weight = np.array([[[1.0]], [[10.0]]], np.float32)
    parameters: dict[str, Argument] = {"weight": weight, "groups": 2}
    assert_computes(
        "conv_transpose",
        {"x": [[[1.0, 2.0], [3.0, 4.0]]]},
        parameters,
        [[[1.0, 2.0], [30.0, 40.0]]],
    )


def test_an_output_shape_beyond_the_stride_is_refused() -> None:
    weight: Any = np.ones((1, 1, 3), np.float32)
    reason = refusal(
        "conv_transpose",
        {"x": [[[1.0, 2.0]]]},
        {"weight": weight, "output_shape": [1, 1, 9]},
        real(1, 1, 9),
    )
    assert reason == "an output_shape that is larger than the stride reaches"
