"""Scenarios of `benchmarks.gates` for metrics that are no plain shares, each at its limit.

Every model is drawn and judged by itself: unlike counts, rows hardly repeat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from edgebake.evaluation.gates import judging
from edgebake.evaluation.gates.hypothesis_tests import HypothesisTest, PairedTest
from edgebake.evaluation.gates.metric_tests import LossTest, PoissonTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics.auc import auc_loss
from edgebake.evaluation.statistics.resampling import Clusters, paired_loss
from edgebake.tasks.metric import Metric, Rows, Weights, weighted_mean
from edgebake.tasks.outputs.classification import ACCURACY, MACRO_F1

CONFIDENCE = 0.95
Z = 1.6449  # normal quantile of the confidence
CHANGES = np.array([1.0, 0.25, -0.25, 0.0])  # of an example's gain
GAINS = np.array([1.0, 1.0, 0.75, 1.0])  # before the change
WON = 0.005  # share of a class that the converted model alone gets right
HOURS_PER_EXAMPLE = 0.01
PERSONS = {200: 20, 1_000: 40, 10_000: 100}  # by size of the test set


@dataclass(frozen=True)
class Judged:
    """The judgment on one model: edgebake's test, and what other methods compare with the limit."""

    test: HypothesisTest
    point: float
    alternative: float


class MetricScenario(Protocol):
    """A metric of models whose true value is at its limit."""

    @property
    def requirement(self) -> Requirement:
        """Return the requirement of the gate."""

    @property
    def true(self) -> float:
        """Return the true value."""

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw a test set of n examples and judge it."""


def _mean(rows: Rows, weights: Weights) -> float:
    return weighted_mean(rows["gain"], weights)


def _rows(*_: object) -> Rows:
    raise NotImplementedError("scenarios draw rows")


def _best_area(*_: object) -> float:
    """Return the area of the best rows: that of others has an exact method."""
    return 1.0


GAIN = Metric(
    word="mean_gain",
    meaning="mean gain of an example, 0 to 1",
    rows=_rows,
    value=_mean,
    best=lambda rows: {"gain": np.ones(len(rows["gain"]))},
    worth=lambda _: 1.0,
)
AREA = Metric(
    word="auc",
    meaning="area under the ROC curve",
    rows=_rows,
    value=_best_area,
    best=lambda rows: {"score": rows["truth"].astype(float), "truth": rows["truth"]},
    worth=lambda _: 1.0,
    exact="auc",
)


@dataclass(frozen=True)
class MeanLoss:
    """A mean gain lost; the alternative method is the percentile bootstrap without the floor."""

    shares: tuple[float, ...]  # of examples with each of CHANGES

    @property
    def true(self) -> float:
        """Return the true loss."""
        return float(CHANGES @ self.shares)

    @property
    def requirement(self) -> Requirement:
        """Return the true loss as the limit."""
        return Requirement("mean_gain_drop", "at_most", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw a test set of n examples and judge it."""
        kinds = random.choice(len(CHANGES), n, p=self.shares)
        before = GAINS[kinds]
        return _judged_loss(GAIN, {"gain": before}, {"gain": before - CHANGES[kinds]})


@dataclass(frozen=True)
class F1Loss:
    """Macro F1 lost; a wrong answer is the next class. The alternative is as of `MeanLoss`."""

    shares: tuple[float, ...]  # of the examples, by class
    lost: tuple[float, ...]  # share of a class that the converted model alone gets wrong

    @property
    def true(self) -> float:
        """Return the true loss."""
        before, now = self._rows(np.arange(len(self._probabilities)))
        weights = self._probabilities
        return MACRO_F1.value(before, weights) - MACRO_F1.value(now, weights)

    @property
    def requirement(self) -> Requirement:
        """Return the true loss as the limit."""
        return Requirement("macro_f1_drop", "at_most", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw a test set of n examples and judge it."""
        kinds = random.choice(len(self._probabilities), n, p=self._probabilities)
        return _judged_loss(MACRO_F1, *self._rows(kinds))

    @property
    def _probabilities(self) -> NDArray[np.float64]:
        """Return the probability of each kind: of each class none changed, lost, won."""
        shares = np.array(self.shares)
        lost = np.array(self.lost)
        by_class = np.stack([shares * (1 - lost - WON), shares * lost, shares * WON], axis=1)
        return by_class.ravel()

    def _rows(self, kinds: NDArray[np.int64]) -> tuple[Rows, Rows]:
        labels, changes = np.divmod(kinds, 3)
        wrong = (labels + 1) % len(self.shares)
        before = np.where(changes == 2, wrong, labels)
        now = np.where(changes == 1, wrong, labels)
        return {"label": labels, "answer": before}, {"label": labels, "answer": now}


@dataclass(frozen=True)
class AucLossScenario:
    """Area lost: noise on every score, and a share of the positives that falls to the bottom.

    The alternative method is DeLong's interval without the floor.
    """

    separation: float
    noise: float
    fallen: float

    @property
    def true(self) -> float:
        """Return the true loss: fallen positives are below all negatives."""
        before = ndtr(self.separation / np.sqrt(2))
        now = ndtr(self.separation / np.sqrt(2 + self.noise**2 * 2)) * (1 - self.fallen)
        return float(before - now)

    @property
    def requirement(self) -> Requirement:
        """Return the true loss as the limit."""
        return Requirement("auc_drop", "at_most", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw a test set of n examples, half of them positive, and judge it."""
        truths = np.arange(n) % 2
        before = random.normal(size=n) + self.separation * truths
        now = before + self.noise * random.normal(size=n)
        has_fallen = (truths == 1) & (random.random(n) < self.fallen)
        now[has_fallen] = -100
        rows = {"score": before, "truth": truths}
        test = judging.drop_test(AREA, rows, {"score": now, "truth": truths})
        loss = auc_loss(before, now, truths)
        return Judged(test, loss.loss, loss.loss + Z * np.sqrt(loss.variance))


@dataclass(frozen=True)
class AucValue:
    """An area near 1 against a floor. The alternative method is DeLong's interval."""

    separation: float

    @property
    def true(self) -> float:
        """Return the true area."""
        return float(ndtr(self.separation / np.sqrt(2)))

    @property
    def requirement(self) -> Requirement:
        """Return the true area as the limit."""
        return Requirement("auc", "at_least", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw a test set of n examples, half of them positive, and judge it."""
        truths = np.arange(n) % 2
        rows = {"score": random.normal(size=n) + self.separation * truths, "truth": truths}
        loss = auc_loss(AREA.best(rows)["score"], rows["score"], truths)
        point = 1 - loss.loss
        alternative = point - Z * np.sqrt(loss.variance)
        return Judged(judging.score_test(AREA, rows), point, alternative)


@dataclass(frozen=True)
class ClusterLoss:
    """Accuracy lost by persons, of whom some lose much. The alternative takes examples alone."""

    lost: float  # share of the examples
    spread: float  # of the beta distribution of a person's share: the less, the wider

    @property
    def true(self) -> float:
        """Return the true loss."""
        return self.lost - WON

    @property
    def requirement(self) -> Requirement:
        """Return the true loss as the limit."""
        return Requirement("accuracy_drop by person", "at_most", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw the persons and their examples, and judge them."""
        groups = PERSONS[n]
        of_person = random.beta(self.lost * self.spread, (1 - self.lost) * self.spread, groups)
        persons = np.repeat(np.arange(groups), n // groups)
        drawn = random.random(n)
        is_lost = drawn < of_person[persons]
        is_won = drawn > 1 - WON
        # Where answers change, more are wrong before and now.
        is_wrong = random.random(n) < 2 * of_person[persons]
        is_wrong &= ~is_lost & ~is_won
        before = {"right": ~is_won & ~is_wrong}
        now = {"right": ~is_lost & ~is_wrong}
        clusters = Clusters("person", persons)
        test = judging.drop_test(ACCURACY, before, now, clusters)
        alone = PairedTest(int((is_lost & ~is_won).sum()), int((is_won & ~is_lost).sum()), n)
        return Judged(test, alone.loss, alone.bound(self.requirement))


@dataclass(frozen=True)
class FalseAlarms:
    """False alarms in an hour of noise. The alternative method is Wald's interval."""

    true: float

    @property
    def requirement(self) -> Requirement:
        """Return the true rate as the limit."""
        return Requirement("false_alarms_per_hour", "at_most", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw the alarms of n clips and judge them."""
        hours = n * HOURS_PER_EXAMPLE
        count = int(random.poisson(self.true * hours))
        wald = (count + Z * np.sqrt(count)) / hours
        return Judged(PoissonTest(count, hours), count / hours, wald)


def scenarios() -> Iterator[list[MetricScenario]]:
    """Yield the scenarios of each metric."""
    yield [
        MeanLoss((0.002, 0.0, 0.0, 0.998)),
        MeanLoss((0.01, 0.0, 0.0, 0.99)),
        MeanLoss((0.05, 0.0, 0.0, 0.95)),
        MeanLoss((0.01, 0.2, 0.1, 0.69)),
    ]
    yield [
        F1Loss((0.1,) * 10, (0.005,) * 10),
        F1Loss((0.1,) * 10, (0.03,) * 10),
        F1Loss((0.7, 0.2, 0.1), (0.01, 0.02, 0.1)),
    ]
    yield [AucLossScenario(1.8, 0.25, 0.0), AucLossScenario(1.8, 0.0, 0.01)]
    yield [AucValue(1.8), AucValue(3.0)]
    yield [ClusterLoss(0.05, 10.0), ClusterLoss(0.01, 10.0)]
    yield [FalseAlarms(0.5), FalseAlarms(5.0)]


def _judged_loss(metric: Metric, before: Rows, now: Rows) -> Judged:
    loss = paired_loss(metric, before, now)
    percentile = np.quantile(loss.resamples, CONFIDENCE)
    return Judged(LossTest(loss, loss.n), loss.loss, float(percentile))
