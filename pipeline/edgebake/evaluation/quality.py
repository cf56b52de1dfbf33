"""Metrics of a task, agreement and calibration of a file's answers, with 95 % confidence intervals.

Reads and writes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgebake.evaluation.gates import judging
from edgebake.evaluation.statistics import bootstrap, proportion
from edgebake.evaluation.statistics.resampling import Clusters
from edgebake.measurement import Measurement
from edgebake.runtimes.run_modes import HOST, RunMode
from edgebake.tasks.metric import Metric
from edgebake.tasks.task import Flags, Task, Truths
from edgebake.tasks.tensors import Outputs

Interval = list[float] | None


@dataclass(frozen=True)
class MeasurementContext:
    """The machine, runtime and file of a measurement."""

    device: str
    os: str
    governor: str
    runtime: str  # distribution and version
    threads: int
    sha256: str  # of the file

    def measured(
        self, value: float, unit: str, where: str, n: int, interval: Interval
    ) -> Measurement:
        """Return a value of n examples as a measurement."""
        return Measurement(
            value=value,
            unit=unit,
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
class Scored:
    """Outputs of the float parent, and of the file in each run mode, on the test split."""

    task: Task
    truths: Truths
    float_outputs: Outputs
    by_mode: Mapping[RunMode, Outputs]  # gates judge the first
    clusters: Clusters | None = None  # groups in which examples are not independent

    @property
    def first_mode(self) -> RunMode:
        """Return the run mode that gates judge."""
        return next(iter(self.by_mode))

    @property
    def outputs(self) -> Outputs:
        """Return the file's outputs in the first mode."""
        return self.by_mode[self.first_mode]


def measure(
    scored: Scored, context: MeasurementContext, float_context: MeasurementContext
) -> dict[str, Measurement]:
    """Measure the metrics of the task, and how often answers agree.

    The first metric is measured in every run mode, the others in the first.

    Args:
        scored: the outputs.
        context: where the file made them.
        float_context: where the float parent made them.
    """
    task = scored.task
    first = scored.first_mode
    metrics = {}
    for metric in task.METRICS:
        value = _value(metric, scored, scored.float_outputs, HOST, float_context)
        metrics[f"float_{metric.word}"] = value
        metrics[metric.word] = _value(metric, scored, scored.outputs, first.where, context)
        metrics[metric.drop_word] = _drop(metric, scored, context)
    for mode, outputs in scored.by_mode.items():
        if mode is first:
            continue
        score = task.METRICS[0]
        value = _value(score, scored, outputs, mode.where, context)
        metrics[mode.metric_name(score.word)] = value
        same = task.same(outputs, scored.outputs)
        metrics[mode.metric_name("agreement")] = _share(same, mode.where, context)
    same = task.same(scored.outputs, scored.float_outputs)
    metrics["agreement_with_float"] = _share(same, first.where, context)
    metrics["tied_answers"] = _share(task.tied(scored.outputs), first.where, context)
    return metrics


def _value(
    metric: Metric, scored: Scored, outputs: Outputs, where: str, context: MeasurementContext
) -> Measurement:
    rows = metric.rows(outputs, scored.truths)
    interval = judging.score_interval(metric, rows, scored.clusters)
    value = metric.value(rows, None)
    return context.measured(value, metric.unit, where, len(scored.truths), interval)


def _drop(metric: Metric, scored: Scored, context: MeasurementContext) -> Measurement:
    before = metric.rows(scored.float_outputs, scored.truths)
    now = metric.rows(scored.outputs, scored.truths)
    interval = judging.drop_interval(metric, before, now, scored.clusters)
    loss = metric.loss(metric.value(before, None), metric.value(now, None))
    where = scored.first_mode.where
    return context.measured(loss, metric.unit, where, len(scored.truths), interval)


def calibration_error(
    scored: Scored, context: MeasurementContext
) -> tuple[Measurement, list[float]] | None:
    """Return the calibration error in the first mode, and its bootstrap resamples.

    None if answers of the task have no confidence.
    """
    error = scored.task.calibration_error(scored.outputs, scored.truths)
    if error is None:
        return None
    resamples = bootstrap.resampled(error.statistic, error.columns)
    measurement = context.measured(
        error.statistic(*error.columns),
        "share",
        scored.first_mode.where,
        len(scored.truths),
        bootstrap.interval(resamples),
    )
    return measurement, resamples


def _share(flags: Flags, where: str, context: MeasurementContext) -> Measurement:
    count = int(flags.sum())
    n = len(flags)
    return context.measured(count / n, "share", where, n, proportion.interval(count, n))
