"""A tensor finds its range by what it holds, whatever it is called and in whatever order its axes are."""

from dataclasses import replace

import numpy as np
import pytest

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import Range, Ranges, marks

RANDOM = np.random.default_rng(0)
IMAGE, CONV = RANDOM.uniform(-1, 1, (2, 4, 4, 1)), RANDOM.normal(0, 3, (2, 4, 4, 8))
RELU = np.maximum(CONV, 0)


def _range(name: str, value: np.ndarray, low: float, high: float) -> Range:
    extremes = float(value.min()), float(value.max())
    return Range(name, low, high, *extremes, *extremes, *extremes, marks([value]))


RANGES = Ranges(
    [_range("image", IMAGE, -1, 1), _range("conv", CONV, -12, 11), _range("relu", RELU, 0, 11)],
    IMAGE.astype(np.float32),
)


def test_marks_are_least_most_mean_and_root_mean_square() -> None:
    assert marks([np.array([1.0, -1.0]), np.array([3.0, 5.0])]) == (-1, 5, 2, 3)


@pytest.mark.parametrize(("value", "name"), [(IMAGE, "image"), (CONV, "conv"), (RELU, "relu")])
def test_a_value_is_found_in_another_order_of_axes_and_with_the_noise_of_other_kernels(
    value: np.ndarray,
    name: str,
) -> None:
    elsewhere = value.transpose(0, 3, 1, 2) * (1 + 1e-6)
    assert RANGES.of([one[np.newaxis].astype(np.float32) for one in elsewhere], "t").name == name


def test_a_stranger_is_refused_by_name() -> None:
    with pytest.raises(ConversionError) as refused:
        RANGES.of([CONV * 1.1], "Conv_7_0")
    assert str(refused.value).startswith(
        "tensor Conv_7_0: no value of the model is like it, the nearest differs by "
    )
    assert str(refused.value).endswith(
        "expected 0.001 or less: its range is not known. A scheme whose activations stay in float needs none: "
        "float16 or dynamic"
    )


def test_values_that_cannot_be_told_apart_share_a_range_that_holds_both() -> None:
    twin = replace(RANGES.found[2], name="twin", low=-2, high=5)
    found = Ranges([*RANGES.found, twin], RANGES.probes).of([RELU], "t")
    assert (found.low, found.high) == (-2, 11)


@pytest.mark.parametrize(
    ("low", "high", "core", "channel", "outliers"),
    [
        (0, 6, (0, 5), (0, 6), False),
        (0, 41, (0, 5), (0, 41), True),  # a few values
        (0, 100, (0, 90), (0, 1), True),  # one channel
        (-8, 8, (-1, 1), (-1, 1), False),  # just eight times
        (0, 0, (0, 0), (0, 0), False),
    ],
)
def test_outliers_are_what_makes_a_range_eight_times_too_wide(
    low: float, high: float, core: tuple[float, float], channel: tuple[float, float], outliers: bool
) -> None:
    found = Range("value", low, high, low, high, *core, *channel, (0.0, 0.0, 0.0, 0.0))
    assert found.has_outliers is outliers
    assert found.is_empty is (low == high)
