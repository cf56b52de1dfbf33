"""What a statistic could have been: rows are drawn together, the same each time."""

import numpy as np
import pytest

from edgebake.evaluation.statistics import bootstrap


def test_the_mean_of_a_known_spread_is_found_with_its_standard_error() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = bootstrap.resampled(lambda column: float(column.mean()), [values])
    assert len(found) == bootstrap.RESAMPLES
    low, high = bootstrap.interval(found)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high


def test_columns_are_drawn_row_by_row() -> None:
    numbers = np.arange(50.0)
    found = bootstrap.resampled(
        lambda one, other: float(np.abs(one - other).max()), [numbers, numbers]
    )
    assert set(found) == {0.0}


def test_the_same_numbers_give_the_same_resamples() -> None:
    numbers = np.arange(50.0)
    one, other = (
        bootstrap.resampled(lambda column: float(column.mean()), [numbers]) for _ in range(2)
    )
    assert one == other
