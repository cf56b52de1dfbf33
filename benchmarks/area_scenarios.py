"""Scenarios of `benchmarks.gates` for the area under the ROC curve, each at its limit."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from benchmarks.metric_scenarios import CONFIDENCE, Judged, MetricScenario, Z, no_rows
from edgebake.evaluation.gates import judging
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics.auc import auc_loss
from edgebake.tasks.metric import Metric


def _best_area(*_: object) -> float:
    """Return the area of the best rows: that of others has an exact method."""
    return 1.0


AREA = Metric(
    word="auc",
    meaning="area under the ROC curve",
    rows=no_rows,
    value=_best_area,
    best=lambda rows: {"score": rows["truth"].astype(float), "truth": rows["truth"]},
    worth=lambda _: 1.0,
    exact="auc",
)


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


def scenarios() -> Iterator[list[MetricScenario]]:
    """Yield the scenarios of the area and of its loss."""
    yield [AucLossScenario(1.8, 0.25, 0.0), AucLossScenario(1.8, 0.0, 0.01)]
    yield [AucValue(1.8), AucValue(3.0)]
