"""Scenarios of `benchmarks.gates` for metrics that are no plain shares, each at its limit.

Every model is drawn and judged by itself: unlike counts, rows hardly repeat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgebake.evaluation.gates.hypothesis_tests import HypothesisTest
from edgebake.evaluation.gates.metric_tests import LossTest, PoissonTest, ValueTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics.calibration import ResampledError
from edgebake.evaluation.statistics.resampling import RESAMPLES, paired_loss
from edgebake.tasks.metric import Metric, Rows, Weights, weighted_mean
from edgebake.tasks.outputs.classification import MACRO_F1

CONFIDENCE = 0.95
Z = 1.6449  # normal quantile of the confidence
CHANGES = np.array([1.0, 0.25, -0.25, 0.0])  # of an example's gain
GAINS = np.array([1.0, 1.0, 0.75, 1.0])  # before the change
WON = 0.005  # share of a class that the converted model alone gets right
HOURS_PER_EXAMPLE = 0.01


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


def no_rows(*_: object) -> Rows:
    """Refuse to make rows of outputs."""
    raise NotImplementedError("scenarios draw rows")


GAIN = Metric(
    word="mean_gain",
    meaning="mean gain of an example, 0 to 1",
    rows=no_rows,
    value=_mean,
    best=lambda rows: {"gain": np.ones(len(rows["gain"]))},
    worth=lambda _: 1.0,
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
class F1Value:
    """Macro F1 against a floor; a wrong answer is the next class. The alternative is as before."""

    shares: tuple[float, ...]  # of the examples, by class
    wrong: tuple[float, ...]  # share of each class

    @property
    def true(self) -> float:
        """Return the true macro F1."""
        rows = self._rows(np.arange(2 * len(self.shares)))
        return MACRO_F1.value(rows, self._probabilities)

    @property
    def requirement(self) -> Requirement:
        """Return the true macro F1 as the limit."""
        return Requirement("macro_f1", "at_least", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw a test set of n examples and judge it."""
        kinds = random.choice(2 * len(self.shares), n, p=self._probabilities)
        rows = self._rows(kinds)
        loss = paired_loss(MACRO_F1, MACRO_F1.best(rows), rows)
        test = ValueTest(MACRO_F1, 1.0, LossTest(loss, loss.n))
        alternative = 1 - np.quantile(loss.resamples, CONFIDENCE)
        return Judged(test, 1 - loss.loss, float(alternative))

    @property
    def _probabilities(self) -> NDArray[np.float64]:
        """Return the probability of each kind: of each class right and wrong."""
        shares = np.array(self.shares)
        wrong = np.array(self.wrong)
        by_class = np.stack([shares * (1 - wrong), shares * wrong], axis=1)
        return by_class.ravel()

    def _rows(self, kinds: NDArray[np.int64]) -> Rows:
        labels, is_wrong = np.divmod(kinds, 2)
        answers = (labels + is_wrong) % len(self.shares)
        return {"label": labels, "answer": answers}


@dataclass(frozen=True)
class Calibration:
    """Confidences that are higher than the accuracy, each of a bin of its own, against a ceiling.

    The alternative method is the percentile bootstrap without the floor.
    """

    confidences: tuple[float, ...]  # each of as many examples
    true: float  # distance of each from its accuracy
    limit: float

    @property
    def requirement(self) -> Requirement:
        """Return the limit of the error."""
        return Requirement("expected_calibration_error", "at_most", self.limit, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw the answers to n examples and judge them."""
        confidences = np.array(self.confidences)
        right = confidences - self.true
        of_confidence = np.stack([right, 1 - right], axis=1) / len(confidences)
        counts = random.multinomial(n, of_confidence.ravel())
        # Resampling n answers with replacement is the same as drawing their counts.
        resampled = random.multinomial(n, counts / n, RESAMPLES)
        errors = self._errors(resampled)
        error = self._errors(counts[None, :])[0]
        wrong = int(counts[1::2].sum())
        test = LossTest(ResampledError(float(error), errors.tolist(), wrong, n), n)
        return Judged(test, float(error), float(np.quantile(errors, CONFIDENCE)))

    def _errors(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the error of counts of right and wrong answers by confidence, [k, 2 bins]."""
        right = counts[:, 0::2]
        total = right + counts[:, 1::2]
        gaps = np.abs(total * np.array(self.confidences) - right)
        errors: NDArray[np.float64] = gaps.sum(axis=1) / total.sum(axis=1)
        return errors


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
    yield [
        F1Value((0.1,) * 10, (0.02,) * 10),
        F1Value((0.1,) * 10, (0.2,) * 10),
        F1Value((0.7, 0.2, 0.1), (0.01, 0.05, 0.2)),
    ]
    yield [
        Calibration((0.55, 0.75, 0.95), 0.03, 0.03),
        Calibration((0.999,), 0.01, 0.01),
        Calibration((0.55, 0.75, 0.95), 0.0, 0.02),
    ]
    yield [FalseAlarms(0.5), FalseAlarms(5.0)]


def _judged_loss(metric: Metric, before: Rows, now: Rows) -> Judged:
    loss = paired_loss(metric, before, now)
    percentile = np.quantile(loss.resamples, CONFIDENCE)
    return Judged(LossTest(loss, loss.n), loss.loss, float(percentile))
