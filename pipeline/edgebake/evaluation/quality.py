"""Answers to the test split in, measurements of how good they are out, each with its interval.

Reads and writes nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebake.evaluation.statistics import bootstrap, paired, proportion
from edgebake.measurement import Measurement
from edgebake.runtimes.run_modes import HOST, RunMode
from edgebake.tasks.outputs import classification

Predictions = NDArray[np.float32]  # probabilities [n, classes]


@dataclass(frozen=True)
class MeasurementContext:
    """What ran the file, beside the way in which it did."""

    device: str
    os: str
    governor: str
    runtime: str  # distribution and version
    threads: int
    sha256: str  # of the file

    def share(self, value: float, where: str, interval: list[float], n: int) -> Measurement:
        """Return a share of the examples, measured here."""
        return Measurement(value, "share", where, interval=interval, n=n, **vars(self))


@dataclass(frozen=True)
class TestPredictions:
    """The answers of the float parent, and of the file in each way to run it; the first is the one that gates judge."""

    labels: NDArray[np.int64]  # [n]
    reference: Predictions
    found: dict[RunMode, Predictions]

    @property
    def first(self) -> RunMode:
        """Return the way that gates judge."""
        return next(iter(self.found))

    @property
    def answers(self) -> Predictions:
        """Return the answers in that way."""
        return self.found[self.first]

    @property
    def confidences(self) -> NDArray[np.float64]:
        """Return how sure the file is of each answer, 0 to 1 [n]."""
        surest: NDArray[np.float64] = self.answers.max(axis=1).astype(np.float64).clip(0, 1)
        return surest

    @property
    def right(self) -> NDArray[np.bool_]:
        """Return which answers are as labelled [n]."""
        right: NDArray[np.bool_] = self.answers.argmax(axis=1) == self.labels
        return right


def measured(
    scored: TestPredictions, here: MeasurementContext, parent: MeasurementContext
) -> dict[str, Measurement]:
    """Return accuracy in every way, what was lost against the float parent, and how often answers are the same."""
    labels, first = scored.labels, scored.first
    float_right = scored.reference.argmax(axis=1) == labels
    metrics = {"float_accuracy": _share(float_right, HOST, parent)}
    for way, answers in scored.found.items():
        metrics[way.metric_name("accuracy")] = _share(
            answers.argmax(axis=1) == labels, way.where, here
        )
        if way is not first:
            same = answers.argmax(axis=1) == scored.answers.argmax(axis=1)
            metrics[way.metric_name("agreement")] = _share(same, way.where, here)
    same = scored.answers.argmax(axis=1) == scored.reference.argmax(axis=1)
    metrics["agreement_with_float"] = _share(same, first.where, here)
    metrics["accuracy_drop"] = _accuracy_drop(float_right, scored.right, first.where, here)
    return metrics


def expected_calibration_error(
    scored: TestPredictions, here: MeasurementContext
) -> tuple[Measurement, list[float]]:
    """Return how far confidence is from being right, and what that could have been."""
    columns = (scored.confidences, scored.right)
    values = bootstrap.resampled(classification.expected_calibration_error, columns)
    found = classification.expected_calibration_error(*columns)
    return here.share(
        found, scored.first.where, bootstrap.interval(values), len(scored.labels)
    ), values


def _share(right: NDArray[np.bool_], where: str, place: MeasurementContext) -> Measurement:
    count, n = int(right.sum()), len(right)
    return place.share(count / n, where, proportion.interval(count, n), n)


def _accuracy_drop(
    before: NDArray[np.bool_], now: NDArray[np.bool_], where: str, place: MeasurementContext
) -> Measurement:
    lost, won, n = int((before & ~now).sum()), int((~before & now).sum()), len(now)
    return place.share((lost - won) / n, where, paired.interval(lost, won, n), n)
