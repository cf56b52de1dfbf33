"""Bounds of a share: worked numbers, what they promise, and how many more examples would decide."""

import pytest
from scipy.stats import binom, binomtest

from edgebake.evaluation.statistics import proportion


def test_all_of_200_right_proves_985_of_1000() -> None:
    # The share at which 200 of 200 happen once in 20: 0.05 ** (1 / 200).
    assert proportion.lower(200, 200, 0.95) == pytest.approx(0.05 ** (1 / 200))
    assert proportion.upper(200, 200, 0.95) == 1
    assert proportion.lower(0, 200, 0.95) == 0
    assert proportion.upper(0, 200, 0.95) == pytest.approx(1 - 0.05 ** (1 / 200))


@pytest.mark.parametrize(("right", "n"), [(0, 10), (7, 10), (10, 10), (533, 540)])
def test_intervals_are_those_of_clopper_and_pearson(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(0.95, method="exact")
    assert proportion.interval(right, n) == pytest.approx([expected.low, expected.high])


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 0.99])
def test_a_lower_bound_is_above_the_truth_no_more_often_than_it_says(share: float) -> None:
    n = 200
    wrong = sum(
        binom.pmf(right, n, share)
        for right in range(n + 1)
        if proportion.lower(right, n, 0.95) > share
    )
    assert wrong <= 0.05


def test_p_values_count_the_outcome_itself() -> None:
    assert proportion.p_at_least(2, 2, 0.5) == pytest.approx(0.25)
    assert proportion.p_at_most(0, 2, 0.5) == pytest.approx(0.25)
    assert proportion.p_at_least(0, 2, 0.5) == 1


@pytest.mark.parametrize(("right", "n"), [(97, 100), (93, 100), (100, 100), (0, 5)])
def test_so_many_examples_would_decide_and_a_tenth_fewer_would_not(right: int, n: int) -> None:
    needed = proportion.needed(right, n, 0.95, 0.95)
    assert needed is not None
    tail = proportion.p_at_least if right / n > 0.95 else proportion.p_at_most
    assert tail(round(right / n * needed), needed, 0.95) <= 0.05
    if needed > n + 1:
        fewer = int(needed * 0.85)
        assert tail(round(right / n * fewer), fewer, 0.95) > 0.05


def test_a_share_on_the_limit_is_never_decided() -> None:
    assert proportion.needed(95, 100, 0.95, 0.95) is None
    assert proportion.needed(95, 100, 1.0, 0.95) is None
