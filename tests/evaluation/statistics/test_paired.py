"""Loss between two models on the same examples: worked numbers, symmetry and coverage."""

import numpy as np
import pytest
from scipy.stats import multinomial

from edgebake.evaluation.statistics import paired

ALPHA = 0.05


def test_score_is_mcnemar_where_no_loss_is_asked_about() -> None:
    # McNemar 1947: (b - c) / sqrt(b + c).
    found = paired.score(np.array([9.0]), np.array([4.0]), 100, 0.0)
    assert found[0] == pytest.approx(5 / np.sqrt(13))


def test_score_at_a_loss_is_that_of_the_constrained_likelihood() -> None:
    # 12 lost and 4 won of 100, against a loss of 0.02: the maximum of the likelihood with
    # p12 = p21 + 0.02, by search.
    rates = np.linspace(1e-6, 0.4, 400_001)
    likelihood = 12 * np.log(rates + 0.02) + 4 * np.log(rates) + 84 * np.log(1 - 2 * rates - 0.02)
    q = rates[likelihood.argmax()]
    expected = (12 - 4 - 100 * 0.02) / np.sqrt(100 * (2 * q + 0.02 - 0.02**2))
    found = paired.score(np.array([12.0]), np.array([4.0]), 100, 0.02)
    assert found[0] == pytest.approx(expected, abs=1e-4)


def test_no_difference_in_200_examples_proves_a_loss_below_one_and_a_half_points() -> None:
    # 0.985 ** 200 = 0.049: with a true loss of 1.5 points, 200 equal answers happen once in 20.
    assert paired.upper(0, 0, 200, 0.95) == pytest.approx(0.015, abs=2e-4)
    # GAMMA, and half as much again for models that differ more often and meet.
    assert (
        0.98**200 + paired.GAMMA <= paired.p_less(0, 0, 200, 0.02) <= 0.98**200 + 2 * paired.GAMMA
    )


def test_no_difference_never_shows_a_loss() -> None:
    assert paired.p_more(0, 0, 540, 0.02) == 1
    assert paired.p_more(0, 0, 540, 0.0) == 1


def test_a_large_test_set_agrees_with_the_normal_approximation() -> None:
    # 100 lost, 60 won of 10,000: 0.4 points, standard error sqrt(160 / 10^8 - 0.004^2 / 10^4).
    error = np.sqrt(160e-8 - 0.004**2 / 1e4)
    low, high = paired.interval(100, 60, 10_000)
    assert low == pytest.approx(0.004 - 1.96 * error, abs=2e-4)
    assert high == pytest.approx(0.004 + 1.96 * error, abs=2e-4)


def test_what_one_model_lost_the_other_won() -> None:
    assert paired.lower(9, 4, 300, 0.95) == -paired.upper(4, 9, 300, 0.95)
    assert paired.p_more(9, 4, 300, 0.01) == paired.p_less(4, 9, 300, -0.01)


def test_the_bound_and_the_test_say_the_same() -> None:
    bound = paired.upper(7, 3, 540, 0.95)
    assert paired.p_less(7, 3, 540, bound + 1e-5) <= ALPHA
    assert paired.p_less(7, 3, 540, bound - 1e-4) > ALPHA


@pytest.mark.parametrize("won", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("margin", [0.02, 0.08])
def test_a_model_at_the_margin_passes_no_more_often_than_once_in_twenty(
    won: float, margin: float
) -> None:
    # Every outcome is weighed by its probability: this is the rate itself, not a simulation of it.
    n, rates = 60, [margin + won, won, 1 - margin - 2 * won]
    outcomes = [(lost, kept) for lost in range(30) for kept in range(20) if lost + kept <= n]
    weights = multinomial.pmf([(*one, n - sum(one)) for one in outcomes], n, rates)
    assert weights.sum() > 0.999
    passes = [paired.p_less(lost, kept, n, margin) <= ALPHA for lost, kept in outcomes]
    assert weights[passes].sum() <= ALPHA


def test_so_many_examples_would_decide() -> None:
    needed = paired.needed((10, 5, 540), 0.02, 0.95)
    assert needed is not None
    assert paired.p_less(round(10 * needed / 540), round(5 * needed / 540), needed, 0.02) <= ALPHA
    fewer = int(needed * 0.8)
    assert paired.p_less(round(10 * fewer / 540), round(5 * fewer / 540), fewer, 0.02) > ALPHA


def test_a_loss_on_the_margin_is_never_decided() -> None:
    assert paired.needed((6, 2, 200), 0.02, 0.95) is None
