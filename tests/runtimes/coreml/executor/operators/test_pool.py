"""Pooling of small lines and planes, worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, real, text

LINE = [[[1.0, 5.0, 3.0, 2.0, 4.0]]]
LINE_OF_FOUR = [[[1.0, 5.0, 3.0, 2.0]]]
SAME, LOWER, CUSTOM = text("same"), text("same_lower"), text("custom")


def _pooled(
    kind: str, parameters: dict[str, Argument], expected: list[float], fed: Any = LINE
) -> None:
    assert_computes(kind, {"x": fed}, {"kernel_sizes": [2], **parameters}, [[expected]])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [5.0, 5.0, 3.0, 4.0]),
        ({"strides": [2]}, [5.0, 3.0]),
        ({"strides": [2], "ceil_mode": True}, [5.0, 3.0, 4.0]),
        ({"strides": [2], "pad_type": SAME}, [5.0, 3.0, 4.0]),
        ({"strides": [2], "pad_type": LOWER}, [1.0, 5.0, 4.0]),
        ({"strides": [2], "pad_type": CUSTOM, "pad": [1, 0]}, [1.0, 5.0, 4.0]),
    ],
)
def test_the_maximum_of_each_window(parameters: dict[str, Argument], expected: list[float]) -> None:
    _pooled("max_pool", parameters, expected)


def test_padding_never_is_the_maximum() -> None:
    _pooled("max_pool", {"pad_type": CUSTOM, "pad": [1, 1]}, [-3.0, -2.0, -2.0], [[[-3.0, -2.0]]])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [3.0, 4.0, 2.5, 3.0]),
        ({"strides": [2]}, [3.0, 2.5]),
        ({"strides": [2], "pad_type": SAME}, [3.0, 2.5, 2.0]),  # the last is (4 + 0) / 2
        ({"strides": [2], "pad_type": LOWER}, [0.5, 4.0, 3.0]),
        ({"strides": [2], "pad_type": CUSTOM, "pad": [1, 0]}, [0.5, 4.0, 3.0]),
        ({"strides": [2], "pad_type": SAME, "exclude_padding_from_average": True}, [3.0, 2.5, 4.0]),
        (
            {
                "strides": [2],
                "pad_type": CUSTOM,
                "pad": [1, 0],
                "exclude_padding_from_average": True,
            },
            [1.0, 4.0, 3.0],
        ),
    ],
)
def test_the_mean_of_each_window_counts_padding_unless_told_not_to(
    parameters: dict[str, Argument], expected: list[float]
) -> None:
    _pooled("avg_pool", parameters, expected)


@pytest.mark.parametrize("exclude", [False, True])
def test_what_a_window_of_ceil_mode_reaches_beyond_the_padding_is_not_counted(
    exclude: bool,
) -> None:
    # As in PyTorch, whose ceil mode it is: the last window holds 4 and nothing else.
    parameters: dict[str, Argument] = {
        "strides": [2],
        "ceil_mode": True,
        "exclude_padding_from_average": exclude,
    }
    _pooled("avg_pool", parameters, [3.0, 2.5, 4.0])


def test_padding_is_counted_in_ceil_mode_and_what_lies_beyond_it_is_not() -> None:
    # 0 1 5, 3 2 4, and then 0 alone: a window that starts beyond the input is left out.
    parameters: dict[str, Argument] = {
        "kernel_sizes": [3],
        "strides": [3],
        "ceil_mode": True,
        "pad_type": CUSTOM,
    }
    _pooled("avg_pool", parameters | {"pad": [1, 1]}, [2.0, 3.0])
    # 0 1, 5 3, 2 0 and nothing more.
    _pooled(
        "avg_pool",
        {**parameters, "kernel_sizes": [2], "strides": [2], "pad": [1, 1]},
        [0.5, 4.0, 1.0],
        LINE_OF_FOUR,
    )


def test_the_root_of_the_sum_of_squares_of_each_window() -> None:
    _pooled("l2_pool", {}, [5.0, 13.0], [[[3.0, 4.0, math.sqrt(153)]]])
    _pooled("l2_pool", {"strides": [2], "pad_type": SAME}, [5.0, 12.0], [[[3.0, 4.0, 12.0]]])


def test_windows_of_a_plane_are_padded_on_each_side_by_its_own_number() -> None:
    plane = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 2, 3)
    parameters: dict[str, Argument] = {
        "kernel_sizes": [2, 2],
        "strides": [2, 2],
        "pad_type": CUSTOM,
        "pad": [0, 0, 1, 0],
    }
    assert_computes("max_pool", {"x": plane}, parameters, [[[[4.0, 6.0]]]])
    assert_computes("avg_pool", {"x": plane}, parameters, [[[[1.25, 4.0]]]])
    assert_computes(
        "avg_pool",
        {"x": plane},
        parameters | {"exclude_padding_from_average": True},
        [[[[2.5, 4.0]]]],
    )


def test_a_volume_has_three_axes() -> None:
    cube = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 2, 2)
    assert_computes("avg_pool", {"x": cube}, {"kernel_sizes": [2, 2, 2]}, [[[[[3.5]]]]])
    assert_computes("max_pool", {"x": cube}, {"kernel_sizes": [2, 2, 2]}, [[[[[7.0]]]]])


def test_another_pad_type_is_refused() -> None:
    parameters: dict[str, Argument] = {"kernel_sizes": [2], "pad_type": text("mirror")}
    assert refusal("max_pool", {"x": LINE}, parameters, real(1, 1, 4)) == "pad_type mirror"
