"""Areas under the ROC curve, their variance, and the floor where few examples are misplaced."""

import numpy as np
import pytest

from edgebake.evaluation.statistics.auc import auc_loss, placements


def test_placements_are_shares_of_the_other_class() -> None:
    # Positives 3 and 1, negatives 2, 1 and 0: 3 is above all, 1 above one and level with one.
    scores = np.array([3.0, 1.0, 2.0, 1.0, 0.0])
    truths = np.array([1, 1, 0, 0, 0])
    placed = placements(scores, truths)
    np.testing.assert_allclose(placed.positives, [1, 0.5])
    np.testing.assert_allclose(placed.negatives, [0.5, 0.75, 1])
    assert placed.auc == pytest.approx(0.75)


def test_the_area_is_that_of_all_pairs() -> None:
    random = np.random.default_rng(0)
    truths = random.integers(0, 2, 200)
    scores = random.integers(0, 9, 200).astype(float)  # many ties
    above = scores[truths == 1][:, None] - scores[truths == 0]
    pairs = np.mean(above > 0) + np.mean(above == 0) / 2
    assert placements(scores, truths).auc == pytest.approx(pairs)


def test_the_variance_of_a_loss_is_delongs() -> None:
    # Positives' placements change by 0.5, 0 and 0; negatives' by 1/3, 0 and 0 (mean 1/6 each).
    truths = np.array([1, 1, 1, 0, 0])
    before = np.array([3.0, 4.0, 5.0, 2.0, 1.0])
    now = np.array([1.5, 4.0, 5.0, 2.0, 1.0])
    loss = auc_loss(before, now, truths)
    assert loss.loss == pytest.approx(1 / 6)
    positives = np.var([0.5, 0, 0], ddof=1) / 3
    negatives = np.var([1 / 3, 0], ddof=1) / 2
    assert loss.variance == pytest.approx(positives + negatives)
    assert (loss.moved, loss.sizes, loss.scarcer) == ((1, 1), (3, 2), 2)


def test_the_third_moment_of_an_area_is_that_of_placements_and_of_pairs() -> None:
    random = np.random.default_rng(0)
    truths = np.arange(100) % 2
    best = truths.astype(float)
    areas: list[float] = []
    moments: list[float] = []
    for _ in range(10_000):
        scores = random.normal(size=100) + 1.8 * truths
        areas.append(placements(scores, truths).auc)
        if len(moments) < 400:
            loss = auc_loss(best, scores, truths)
            skewness = loss.acceleration + loss.interaction
            moments.append(6 * skewness * loss.variance**1.5)
    losses = 1 - np.array(areas)
    deviations = losses - losses.mean()
    assert np.mean(moments) == pytest.approx(np.mean(deviations**3), rel=0.15)


def test_the_bound_of_a_symmetric_loss_is_a_normal_one() -> None:
    random = np.random.default_rng(0)
    truths = np.arange(2000) % 2
    before = random.normal(size=2000) + 1.8 * truths
    now = before + 0.25 * random.normal(size=2000)
    loss = auc_loss(before, now, truths)
    half_width = 1.645 * np.sqrt(loss.variance)
    assert loss.bound(0.95) == pytest.approx(loss.loss + half_width, rel=0.02)
    assert loss.lower(0.95) == pytest.approx(loss.loss - half_width, rel=0.02)


def test_no_misplaced_example_is_no_proof_of_a_perfect_area() -> None:
    truths = np.arange(400) % 2
    scores = truths + np.linspace(0, 0.5, 400)
    loss = auc_loss(truths.astype(float), scores, truths)
    assert loss.loss == 0
    assert loss.bound(0.95) == pytest.approx(1 - 0.025 ** (1 / 200))
    # (1 - 0.01)^367 = 0.025
    assert loss.needed(0.01, 0.95) == pytest.approx(367, rel=0.06)
