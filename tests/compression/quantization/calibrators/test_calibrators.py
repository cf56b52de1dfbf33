"""Calibration methods, on values whose best range can be computed."""

from dataclasses import replace

import numpy as np
import pytest

from edgebake import plugins
from edgebake.compression.quantization.calibrators import (
    entropy,
    min_max,
    moving_average,
    mse,
    percentile,
)
from edgebake.compression.quantization.histogram import BINS, ActivationHistogram
from edgebake.recipe import Calibration

WORDS = Calibration("min_max", 2, 0)


def seen(
    values: list[float], lows: list[float] | None = None, highs: list[float] | None = None
) -> ActivationHistogram:
    """Return the histogram of these values, of one sample unless its extremes are given."""
    array = np.array(values, np.float64)
    counts, _ = np.histogram(array, BINS, (array.min(), array.max()))
    extremes = np.array(lows or [array.min()]), np.array(highs or [array.max()])
    return ActivationHistogram(*extremes, np.array([array.min()]), np.array([array.max()]), counts)


def test_every_method_is_here() -> None:
    methods = ["entropy", "min_max", "moving_average", "mse", "percentile"]
    assert plugins.options("quantize.calibration.method") == methods


@pytest.mark.parametrize("method", ["entropy", "min_max", "moving_average", "mse"])
def test_only_percentile_asks_for_a_word(method: str) -> None:
    assert plugins.load("quantize.calibration.method", method).WORDS == ()
    assert percentile.WORDS == ("percentile",)


def test_min_max_takes_everything() -> None:
    assert min_max.find(seen([-3, 0, 1, 7]), WORDS) == (-3, 7)


def test_moving_average_follows_the_examples_by_a_twentieth() -> None:
    bounds = moving_average.find(seen([-2, 30], lows=[0, -2, 0], highs=[10, 30, 10]), WORDS)
    # 0.95 * 10 + 0.05 * 30 = 11, then 0.95 * 11 + 0.05 * 10
    assert bounds == pytest.approx((0.95 * (0.05 * -2), 10.95))


def test_percentile_leaves_out_as_many_below_as_above() -> None:
    values = np.linspace(-100, 100, 20_001).tolist()
    bounds = percentile.find(seen(values), replace(WORDS, percentile=98.0))
    assert bounds == pytest.approx((-98, 98), abs=0.1)


def test_percentile_of_everything_is_everything() -> None:
    assert percentile.find(seen([-3, 0, 1, 7]), replace(WORDS, percentile=100.0)) == (-3, 7)


def test_mse_cuts_an_outlier_off_when_the_rest_wins_more_than_it_loses() -> None:
    # Rounding costs (range / 255)^2 / 12 each, clipping the square of what is cut off.
    many = np.linspace(0, 1, 2_000_000).tolist()
    low, high = mse.find(seen([*many, 10.0]), WORDS)
    shares = [number / 100 for number in range(1, 101)]

    def error(top: float) -> float:
        inside = 2_000_000 * (top / 255) ** 2 / 12 if top >= 1 else np.inf
        return inside + (10 - top) ** 2

    assert low == 0
    assert high == pytest.approx(min((10 * share for share in shares), key=error), abs=0.11)
    assert 1 < high < 10


def test_mse_keeps_what_is_spread_evenly() -> None:
    assert mse.find(seen(np.linspace(-4, 4, 10_000).tolist()), WORDS) == (-4, 4)


def test_entropy_clips_a_long_thin_tail_and_keeps_what_is_dense() -> None:
    random = np.random.default_rng(0)
    dense, tail = random.normal(0, 1, 100_000), np.array([-80.0, 90.0])
    low, high = entropy.find(seen([*dense.tolist(), *tail.tolist()]), WORDS)
    assert -10 < low < -2
    assert 2 < high < 10


def test_entropy_is_not_deceived_by_the_zeros_of_a_relu() -> None:
    live = np.random.default_rng(0).uniform(0, 6, 10_000)
    low, high = entropy.find(seen([*live.tolist(), *[0.0] * 100_000]), WORDS)
    assert low == pytest.approx(0, abs=1e-9)
    assert high > 5.5


@pytest.mark.parametrize("method", plugins.options("quantize.calibration.method"))
def test_a_value_that_never_changes_has_a_range_of_no_width(method: str) -> None:
    none = np.zeros(2)
    dead = ActivationHistogram(none, none, none, none, np.bincount([0], [8], BINS).astype(np.int64))
    assert plugins.load("quantize.calibration.method", method).find(
        dead, replace(WORDS, percentile=99.0)
    ) == (0, 0)
