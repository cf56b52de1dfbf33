"""Accuracy, agreement and calibration of a file's predictions, with 95 % confidence intervals.

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
Flags = NDArray[np.bool_]  # [n]


@dataclass(frozen=True)
class MeasurementContext:
    """The machine, runtime and file of a measurement."""

    device: str
    os: str
    governor: str
    runtime: str  # distribution and version
    threads: int
    sha256: str  # of the file

    def share(self, value: float, where: str, interval: list[float], n: int) -> Measurement:
        """Return a share of n examples as a measurement."""
        return Measurement(
            value=value,
            unit="share",
            where=where,
            interval=interval,
            n=n,
            device=self.device,
            os=self.os,
            governor=self.governor,
            runtime=self.runtime,
            threads=self.threads,
            sha256=self.sha256,
        )


@dataclass(frozen=True)
class PredictionSet:
    """Predictions of the float parent, and of the file in each run mode, on the test split."""

    labels: NDArray[np.int64]  # [n]
    float_predictions: Predictions
    by_mode: dict[RunMode, Predictions]  # gates judge the first

    @property
    def first_mode(self) -> RunMode:
        """Return the run mode that gates judge."""
        return next(iter(self.by_mode))

    @property
    def predictions(self) -> Predictions:
        """Return the probabilities [n, classes] in the first mode."""
        return self.by_mode[self.first_mode]

    @property
    def confidences(self) -> NDArray[np.float64]:
        """Return the highest probability of each example in the first mode, 0 to 1 [n]."""
        highest = self.predictions.max(axis=1)
        confidences: NDArray[np.float64] = highest.astype(np.float64)
        return confidences.clip(0, 1)

    @property
    def right(self) -> Flags:
        """Return which examples are classified correctly in the first mode [n]."""
        return self.is_right(self.predictions)

    def is_right(self, predictions: Predictions) -> Flags:
        """Return which predictions [n, classes] match the labels [n]."""
        right: Flags = predictions.argmax(axis=1) == self.labels
        return right


def measure(
    test: PredictionSet, context: MeasurementContext, float_context: MeasurementContext
) -> dict[str, Measurement]:
    """Measure accuracy and agreement in every run mode, and the accuracy lost in the first.

    Args:
        test: the predictions.
        context: where the file made them.
        float_context: where the float parent made them.
    """
    first = test.first_mode
    float_right = test.is_right(test.float_predictions)
    metrics = {"float_accuracy": _share(float_right, HOST, float_context)}
    for mode, predictions in test.by_mode.items():
        right = test.is_right(predictions)
        accuracy = mode.metric_name("accuracy")
        metrics[accuracy] = _share(right, mode.where, context)
        if mode is not first:
            same = _same_class(predictions, test.predictions)
            agreement = mode.metric_name("agreement")
            metrics[agreement] = _share(same, mode.where, context)
    same = _same_class(test.predictions, test.float_predictions)
    metrics["agreement_with_float"] = _share(same, first.where, context)
    metrics["accuracy_drop"] = _accuracy_drop(float_right, test.right, first.where, context)
    return metrics


def expected_calibration_error(
    test: PredictionSet, context: MeasurementContext
) -> tuple[Measurement, list[float]]:
    """Return the expected calibration error in the first mode, and its bootstrap resamples."""
    statistic = classification.expected_calibration_error
    columns = (test.confidences, test.right)
    resamples = bootstrap.resampled(statistic, columns)
    measurement = context.share(
        value=statistic(*columns),
        where=test.first_mode.where,
        interval=bootstrap.interval(resamples),
        n=len(test.labels),
    )
    return measurement, resamples


def _same_class(predictions: Predictions, reference: Predictions) -> Flags:
    predicted = predictions.argmax(axis=1)
    same: Flags = predicted == reference.argmax(axis=1)
    return same


def _share(flags: Flags, where: str, context: MeasurementContext) -> Measurement:
    count = int(flags.sum())
    n = len(flags)
    return context.share(value=count / n, where=where, interval=proportion.interval(count, n), n=n)


def _accuracy_drop(
    before: Flags, now: Flags, where: str, context: MeasurementContext
) -> Measurement:
    lost_flags = before & ~now
    won_flags = ~before & now
    lost = int(lost_flags.sum())
    won = int(won_flags.sum())
    n = len(now)
    return context.share(
        value=(lost - won) / n, where=where, interval=paired.interval(lost, won, n), n=n
    )
