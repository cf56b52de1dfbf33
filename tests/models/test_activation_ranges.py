"""Ranges are looked up by the values of a tensor, whatever its name and the order of its axes."""

from dataclasses import replace

import numpy as np
import pytest

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import (
    ActivationRange,
    ActivationRanges,
    enclosing_bounds,
    fingerprint,
)

RANDOM = np.random.default_rng(0)
IMAGE, CONV = RANDOM.uniform(-1, 1, (2, 4, 4, 1)), RANDOM.normal(0, 3, (2, 4, 4, 8))
RELU = np.maximum(CONV, 0)


def _range(name: str, value: np.ndarray, low: float, high: float) -> ActivationRange:
    extremes = float(value.min()), float(value.max())
    return ActivationRange(name, low, high, *extremes, *extremes, *extremes, fingerprint([value]))


RANGES = ActivationRanges(
    [_range("image", IMAGE, -1, 1), _range("conv", CONV, -12, 11), _range("relu", RELU, 0, 11)],
    {"image": IMAGE.astype(np.float32)},
)


def test_a_fingerprint_is_minimum_maximum_mean_and_root_mean_square() -> None:
    assert fingerprint([np.array([1.0, -1.0]), np.array([3.0, 5.0])]) == (-1, 5, 2, 3)


@pytest.mark.parametrize(("value", "name"), [(IMAGE, "image"), (CONV, "conv"), (RELU, "relu")])
def test_an_activation_matches_in_another_order_of_axes_and_with_rounding_of_other_kernels(
    value: np.ndarray, name: str
) -> None:
    channels_first = value.transpose(0, 3, 1, 2) * (1 + 1e-6)
    per_probe = [image[np.newaxis].astype(np.float32) for image in channels_first]
    assert RANGES.lookup(per_probe, "t").name == name


def test_a_stranger_is_refused_by_name() -> None:
    with pytest.raises(ConversionError) as refused:
        RANGES.lookup([CONV * 1.1], "Conv_7_0")
    assert str(refused.value).startswith(
        "tensor Conv_7_0: no activation of the model matches it, the nearest differs by "
    )
    assert str(refused.value).endswith(
        "expected 0.001 or less: its range is not known. A scheme whose activations stay in float "
        "needs none: float16 or dynamic"
    )


def test_values_that_cannot_be_told_apart_share_a_range_that_holds_both() -> None:
    twin = replace(RANGES.entries[2], name="twin", low=-2, high=5)
    ranges = ActivationRanges([*RANGES.entries, twin], RANGES.probes)
    match = ranges.lookup([RELU], "t")
    assert (match.low, match.high) == (-2, 11)


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
    entry = ActivationRange("value", low, high, low, high, *core, *channel, (0.0, 0.0, 0.0, 0.0))
    assert entry.has_outliers is outliers
    assert entry.is_empty is (low == high)


def test_bounds_enclose_all_candidates_of_a_tensor() -> None:
    image, conv, relu = RANGES.entries
    bounds = enclosing_bounds({"x": [conv, relu], "y": [image, relu]})
    assert bounds == {"x": (-12, 11), "y": (-1, 11)}
