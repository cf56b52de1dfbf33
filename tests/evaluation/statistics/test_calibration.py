"""Bounds of a calibration error: the safe side of its bias, and the floor for rare errors."""

import pytest

from edgebake.evaluation.statistics import proportion
from edgebake.evaluation.statistics.calibration import ResampledError

THOUSANDTHS = [number / 1000 for number in range(1, 1000)]  # the quantile of p is p


def test_the_upper_bound_is_the_percentile_of_the_resamples() -> None:
    error = ResampledError(0.5, THOUSANDTHS, wrong=500, n=1000)
    assert error.bound(0.95) == pytest.approx(0.95)
    assert error.lower(0.95) == pytest.approx(0.05)


def test_the_lower_bound_takes_away_what_chance_added() -> None:
    # Resamples lie above the error by as much as the error above its true value.
    error = ResampledError(0.4, THOUSANDTHS, wrong=500, n=1000)
    assert error.lower(0.95) == pytest.approx(0.4 - (0.95 - 0.4))


def test_no_wrong_answer_in_200_is_no_proof_of_a_small_error() -> None:
    error = ResampledError(0.001, [0.001] * 999, wrong=0, n=200)
    assert error.bound(0.95) == pytest.approx(0.001 + 1 - 0.025 ** (1 / 200))
    # (1 - 0.009)^408 = 0.025; the search takes steps of 5 %.
    assert error.needed(0.01, 0.95) == pytest.approx(408, rel=0.05)


def test_few_right_answers_have_the_same_floor_as_few_wrong_ones() -> None:
    few_wrong = ResampledError(0.1, [0.1] * 999, wrong=3, n=200)
    few_right = ResampledError(0.1, [0.1] * 999, wrong=197, n=200)
    assert few_right.bound(0.95) == few_wrong.bound(0.95) > 0.11


def test_in_one_bin_the_bound_is_that_of_the_share_of_wrong_answers() -> None:
    error = ResampledError(0.01, [0.01] * 999, wrong=110, n=10_000)
    assert error.bound(0.95) == pytest.approx(0.01 + proportion.upper(110, 10_000, 0.95) - 0.011)


def test_the_needed_number_grows_with_the_square_of_the_distance() -> None:
    error = ResampledError(0.5, THOUSANDTHS, wrong=500, n=1000)
    assert error.needed(0.8, 0.95) == pytest.approx(1000 * (0.45 / 0.3) ** 2, abs=1)
    assert error.needed(0.2, 0.95) == pytest.approx(1000 * (0.45 / 0.3) ** 2, abs=1)
    assert error.needed(0.5, 0.95) is None
