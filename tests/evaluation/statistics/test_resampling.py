"""Bounds of a paired loss: the floor where few examples change, and groups drawn as groups."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from edgebake.evaluation.statistics.bootstrap import variance_of_resampling
from edgebake.evaluation.statistics.resampling import (
    RESAMPLES,
    Clusters,
    PairedLoss,
    paired_loss,
    unseen_share,
)
from edgebake.tasks.outputs.classification import ACCURACY, MACRO_F1

Flags = dict[str, NDArray[np.bool_]]


def _right(lost: int, won: int, n: int) -> tuple[Flags, Flags]:
    before = np.ones(n, bool)
    now = np.ones(n, bool)
    now[:lost] = False
    before[n - won : n] = False
    return {"right": before}, {"right": now}


def test_no_change_in_500_examples_proves_three_quarters_of_a_point() -> None:
    # The solution of (1 - u)^500 = 0.025 is u = 0.00735: the floor of the design.
    loss = paired_loss(ACCURACY, *_right(0, 0, 500))
    assert loss.loss == 0
    assert loss.moved == 0
    assert set(loss.resamples) == {0.0}
    assert loss.bound(0.95) == pytest.approx(0.00735, abs=1e-5)
    assert loss.lower(0.95) == pytest.approx(-0.00735, abs=1e-5)


def test_unseen_changes_are_clopper_and_pearsons_distance() -> None:
    assert unseen_share(0, 200, 0.95) == pytest.approx(1 - 0.025 ** (1 / 200))
    assert unseen_share(29, 200, 0.95) > 0.05
    assert unseen_share(30, 200, 0.95) == 0  # enough
    assert unseen_share(20, 20, 0.95) == 0  # all


def test_enough_changes_have_the_bound_of_the_bootstrap() -> None:
    # 60 lost, 20 won of 1,000: the standard error is sqrt((0.08 - 0.04^2) / 1000) = 0.00885.
    loss = paired_loss(ACCURACY, *_right(60, 20, 1000))
    assert loss.moved == 80
    assert loss.bound(0.95) == pytest.approx(0.04 + 1.645 * 0.00885, abs=0.001)
    assert loss.lower(0.95) == pytest.approx(0.04 - 1.645 * 0.00885, abs=0.001)


def test_the_upper_bound_of_a_skewed_loss_is_farther_than_the_percentile() -> None:
    loss = paired_loss(ACCURACY, *_right(40, 0, 1000))
    assert loss.acceleration > 0.01
    assert loss.bound(0.95) > np.quantile(loss.resamples, 0.95)


def test_the_chance_of_resampling_is_that_of_the_quantile_and_of_the_bias() -> None:
    # At 0.95: 0.0475 / 0.1031^2 + 1 / 0.3989^2 - 0.1 / (0.1031 * 0.3989) = 8.32.
    assert variance_of_resampling(0.95, 999) == pytest.approx(8.32 / 999, rel=0.002)
    assert variance_of_resampling(0.05, 999) == pytest.approx(variance_of_resampling(0.95, 999))
    assert variance_of_resampling(0.99, 999) > 2 * variance_of_resampling(0.95, 999)


def test_bounds_of_limited_resamples_hold_their_confidence() -> None:
    """A normal estimate, resampled 999 times: the mean rate of bounds below the true value."""
    random = np.random.default_rng(0)
    rates = []
    for _ in range(2000):
        resamples = random.normal(size=RESAMPLES)
        loss = PairedLoss(0.0, resamples, 0.0, 99, 99_999, 99_999, 1.0)
        rates.append(ndtr(-loss.bound(0.95)))
    # The mean has a standard error of 0.02 points; NumPy's default quantile would give 5.1 %.
    assert 0.048 < np.mean(rates) < 0.0502


def test_the_worth_of_a_change_is_that_of_the_rarest_class() -> None:
    # 10 classes of 10 examples: one recall of one class is worth 1 / 10 / 10 of 100 examples.
    labels = np.repeat(np.arange(10), 10)
    rows = {"label": labels, "answer": labels}
    assert paired_loss(MACRO_F1, rows, rows).worth == pytest.approx(1)
    # 90 and 10 examples: one of the rarer class is worth 1 / 2 / 10, of 100 examples 5 times.
    labels = np.repeat([0, 1], [90, 10])
    rows = {"label": labels, "answer": labels}
    loss = paired_loss(MACRO_F1, rows, rows)
    assert loss.worth == pytest.approx(5)
    assert loss.bound(0.95) == pytest.approx(5 * (1 - 0.025 ** (1 / 100)))


def test_groups_are_drawn_as_groups() -> None:
    # In one of 25 persons all 20 examples are lost, in the others none.
    before, now = _right(20, 0, 500)
    persons = Clusters("person", np.repeat(np.arange(25), 20))
    by_person = paired_loss(ACCURACY, before, now, persons)
    assert (by_person.moved, by_person.examples, by_person.n) == (20, 500, 25)
    assert by_person.loss == pytest.approx(0.04)
    alone = paired_loss(ACCURACY, before, now)
    assert by_person.resamples.std() == pytest.approx(0.04, abs=0.003)
    assert alone.resamples.std() == pytest.approx(0.0088, abs=0.0005)
    # A person is worth about one example, so that one of 24 changed: Clopper and Pearson's bound.
    assert by_person.design_effect == pytest.approx(20 * 25 / 24)
    assert by_person.bound(0.95) == pytest.approx(0.04 + unseen_share(0.96, 24, 0.95))


def test_errors_say_how_changes_may_lie_in_groups() -> None:
    # All errors are of one person, and none changes.
    before, _ = _right(0, 20, 500)
    persons = Clusters("person", np.repeat(np.arange(25), 20))
    assert paired_loss(ACCURACY, before, before, persons).design_effect == pytest.approx(500 / 24)
    scattered = {"right": np.arange(500) % 20 != 0}
    assert paired_loss(ACCURACY, scattered, scattered, persons).design_effect == 1.0


def test_without_an_error_or_a_change_whole_groups_count() -> None:
    persons = Clusters("person", np.repeat(np.arange(25), 20))
    loss = paired_loss(ACCURACY, *_right(0, 0, 500), persons)
    assert loss.design_effect == 20
    assert loss.bound(0.95) == pytest.approx(1 - 0.025 ** (1 / 25))


def test_equal_examples_are_drawn_together_and_resamples_repeat() -> None:
    before, now = _right(60, 20, 1000)
    order = np.random.default_rng(1).permutation(1000)
    shuffled = paired_loss(
        ACCURACY, {"right": before["right"][order]}, {"right": now["right"][order]}
    )
    assert len(shuffled.resamples) == RESAMPLES
    np.testing.assert_array_equal(shuffled.resamples, paired_loss(ACCURACY, before, now).resamples)


def test_the_needed_number_proves_the_limit_at_the_same_rates() -> None:
    loss = paired_loss(ACCURACY, *_right(10, 2, 500))
    assert loss.bound(0.95) > 0.03
    needed = loss.needed(0.03, 0.95)
    assert needed is not None
    growth = needed / 500
    grown = paired_loss(ACCURACY, *_right(round(10 * growth), round(2 * growth), needed))
    assert grown.bound(0.95) == pytest.approx(0.03, abs=0.002)


def test_no_number_settles_a_loss_that_is_the_limit() -> None:
    loss = PairedLoss(0.02, np.full(9, 0.02), 0.0, 0, 500, 500, 1.0)
    assert loss.needed(0.02, 0.95) is None
