"""Exact bounds of a rate of events."""

import pytest

from edgebake.evaluation.statistics import poisson


def test_no_event_in_an_hour_proves_a_rate_of_three() -> None:
    # exp(-x) = 0.05: x = 2.9957
    assert poisson.upper(0, 1.0, 0.95) == pytest.approx(2.9957, abs=1e-4)
    assert poisson.upper(0, 6.0, 0.95) == pytest.approx(2.9957 / 6, abs=1e-4)
    assert poisson.lower(0, 1.0, 0.95) == 0


def test_bounds_are_garwoods() -> None:
    # Half of the 0.975 quantile of chi-squared with 12, and of the 0.025 one with 10 degrees.
    assert poisson.upper(5, 1.0, 0.975) == pytest.approx(11.668, abs=1e-3)
    assert poisson.lower(5, 1.0, 0.975) == pytest.approx(1.6235, abs=1e-3)


def test_the_needed_hours_prove_the_limit() -> None:
    assert poisson.needed(0, 1.0, 1.0, 0.95) == pytest.approx(2.9957, rel=0.06)
    assert poisson.needed(1, 1.0, 1.0, 0.95) is None
    assert poisson.needed(0, 1.0, 0.0, 0.95) is None
