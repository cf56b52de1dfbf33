"""Evidence on a target's file: its measurements, and the hypothesis test of each gate.

Reads artifacts/validate/<platform>/<variant>/ and artifacts/parity/<platform>.json.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from edgebake import artifacts
from edgebake.data.formula_cells import from_cell
from edgebake.evaluation import float_reference
from edgebake.evaluation.float_reference import FloatReference
from edgebake.evaluation.gates import judging, metric_rows, parity
from edgebake.evaluation.gates.accelerator_coverage import predicted_coverage
from edgebake.evaluation.gates.calibration import calibration_test
from edgebake.evaluation.gates.hypothesis_tests import (
    BootstrapTest,
    ExactValue,
    GroupedTest,
    HypothesisTest,
)
from edgebake.evaluation.gates.metric_rows import MetricRows
from edgebake.evaluation.gates.metric_tests import PoissonTest
from edgebake.evaluation.gates.right_answers import Row, clustered_test, grouped_test, share_rows
from edgebake.evaluation.parity import Comparison, from_record
from edgebake.evaluation.statistics import proportion
from edgebake.evaluation.statistics.resampling import Clusters, clusters_of
from edgebake.evaluation.streams import Alarms
from edgebake.measurement import GROUP, SLICE, Measurement, from_dict, not_measured
from edgebake.recipe import Gate, ParityGate, PlacementFloor, SliceFloor
from edgebake.recipe import Task as TaskOptions
from edgebake.runtimes.placement import Placement
from edgebake.tasks.metric import Metric, share_metric
from edgebake.tasks.task import Task, load_task
from edgebake.terminal.printable import printable

NO_OTHER = "no file of another runtime in the release holds the same model"
MORE_RUNS = "more runs, more repeats or a quieter machine would decide"

# The measurement of one gate, and its test; no test where it was not measured.
GateEvidence = tuple[Measurement, HypothesisTest | None]

COLUMNS = {"label", "answer", "float_answer"}
# Metrics that validate writes for every file, beside the score of the task, measured or not.
EVERY_REPORT = ("size_mb", "latency_p90_ms", "speedup")


class Report(TypedDict):
    """The content of report.json, as far as gates and tables read it."""

    variant: str
    task: str
    group_column: NotRequired[str | None]  # in which examples are not independent
    metrics: dict[str, Measurement]
    untested_classes: NotRequired[list[str]]  # that have no test examples


@dataclass(frozen=True)
class TargetEvidence:
    """All measurements of one target's file."""

    metrics: dict[str, Measurement]
    examples: list[Row]
    resamples: dict[str, list[float]] = field(default_factory=dict)
    # With the files of other runtimes that hold the same model, the one that agrees least first.
    comparisons: list[Comparison] = field(default_factory=list)
    no_parity: str = NO_OTHER  # why there is no comparison
    placements: list[Placement] = field(default_factory=list)  # of the device's accelerators
    no_placement: str = ""  # why nothing is predicted of the file; empty: something is
    untested_classes: list[str] = field(default_factory=list)  # that have no test examples
    # What float_accuracy was measured with; none in a test of gates alone.
    float_reference: FloatReference | None = None
    report: str = "report.json"  # path of the file with the measurements
    task: Task = field(default_factory=lambda: load_task(TaskOptions().output))
    # Of the task's metrics, by word; of a share, those of `examples` count where it has none.
    rows: Mapping[str, MetricRows] = field(default_factory=dict)
    clusters: Clusters | None = None  # groups in which examples are not independent
    alarms: Alarms | None = None  # in a stream, where a gate asks for them

    def on(self, name: str, gate: Gate) -> GateEvidence:
        """Return the measurement of a gate, and the test that decides it."""
        special = SPECIAL.get(name)
        if special:
            return special(self, gate)
        for metric in self.task.METRICS:
            if name == metric.word:
                return self.value_of(metric)
            if name == metric.drop_word:
                return self.drop_of(metric)
        measurement = self.metrics[name]
        if measurement.value is None:
            return measurement, None
        test: HypothesisTest = ExactValue(measurement.value)
        if name in self.resamples and measurement.unit == "share":
            test = calibration_test(measurement.value, self.resamples[name], self.examples)
        elif name in self.resamples:
            test = BootstrapTest(self.resamples[name], MORE_RUNS)
        return measurement, test

    def value_of(self, metric: Metric) -> GateEvidence:
        """Return the measurement of a metric's value, and its test."""
        rows = self._rows_of(metric)
        reason = judging.why_unjudged(rows.now, metric, self.clusters)
        if reason:
            return not_measured(metric.unit, reason), None
        test = judging.score_test(metric, rows.now, self.clusters)
        return self.metrics[metric.word], test

    def drop_of(self, metric: Metric) -> GateEvidence:
        """Return the measurement of what a metric loses against the float parent, and its test."""
        rows = self._rows_of(metric)
        reason = judging.why_unjudged(rows.now, metric, self.clusters)
        if reason:
            return not_measured(metric.unit, reason), None
        test = judging.drop_test(metric, rows.before, rows.now, self.clusters)
        return self.metrics[metric.drop_word], test

    def _rows_of(self, metric: Metric) -> MetricRows:
        if metric.exact == "share" and metric.word not in self.rows:
            return share_rows(metric, self.examples)
        return self.rows[metric.word]

    def share(
        self, value: float, interval: list[float] | None, n: int | None = None
    ) -> Measurement:
        """Return a share of the test examples, measured where the task's score was."""
        score = self.metrics[self.task.METRICS[0].word]
        return replace(score, value=value, unit="share", interval=interval, n=n or score.n)


def read(folder: Path, parity_file: Path) -> TargetEvidence:
    """Read validate's folder of a variant, and parity's file of its platform."""
    report_file = folder / "report.json"
    examples_file = folder / "examples.csv"
    report = artifacts.read_json(report_file, Report)
    metrics = {}
    for name, fields in report["metrics"].items():
        metrics[name] = from_dict(fields)
    task = load_task(report["task"])
    score = task.METRICS[0].word
    for name in (score, f"float_{score}", *EVERY_REPORT):
        if name not in metrics:
            raise artifacts.damaged(report_file, f"metrics.{name}: missing")
    examples = _read_examples(examples_file)
    records: Mapping[str, Sequence[Any]] = {}
    no_parity = f"{parity_file} does not exist: run `dvc repro`"
    if parity_file.exists():
        records = artifacts.read_json(parity_file, dict[str, list[Comparison]])
        no_parity = NO_OTHER
    return TargetEvidence(
        metrics=metrics,
        float_reference=float_reference.from_dict(report["float_reference"]),
        examples=examples,
        resamples=artifacts.read_json(folder / "resamples.json", dict[str, list[float]]),
        comparisons=[from_record(record) for record in records.get(report["variant"], [])],
        no_parity=no_parity,
        untested_classes=report.get("untested_classes", []),
        report=str(report_file),
        task=task,
        rows=metric_rows.read(folder, task),
        alarms=_read_alarms(folder / "alarms.json"),
        clusters=_read_clusters(report.get("group_column"), examples, examples_file),
    )


def _read_alarms(file: Path) -> Alarms | None:
    if not file.exists():
        return None
    fields = artifacts.read_json(file, Alarms)
    return Alarms(**fields)


def _read_clusters(column: str | None, examples: list[Row], table: Path) -> Clusters | None:
    if column is None:
        return None
    try:
        groups = [row[GROUP] for row in examples]
    except KeyError:
        raise artifacts.damaged(table, f"{GROUP}: no such column") from None
    return clusters_of(column, groups)


def _texts(row: Row) -> Row:
    return {column: from_cell(cell) for column, cell in row.items()}


def _read_examples(table: Path) -> list[Row]:
    """Read the answers to each test example.

    Raises:
        ArtifactError: the table is damaged.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (FileNotFoundError, UnicodeDecodeError, csv.Error) as error:
        raise artifacts.damaged(table, printable(error)) from None
    for row in rows:
        if None in row or None in row.values() or not row.keys() >= COLUMNS:
            raise artifacts.damaged(table, "not the columns of validate")
    return [_texts(row) for row in rows]


def _score(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    score = evidence.task.METRICS[0]
    return evidence.value_of(score)


def _score_drop(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    score = evidence.task.METRICS[0]
    return evidence.drop_of(score)


def _class_accuracy(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    measurement, test = _worst_group(evidence, "label")
    if isinstance(test, GroupedTest):
        test = replace(test, untested=evidence.untested_classes)
    return measurement, test


def _slice_accuracy(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    column = SLICE
    if isinstance(gate, SliceFloor):
        column += gate.column
    return _worst_group(evidence, column)


def _worst_group(evidence: TargetEvidence, column: str) -> GateEvidence:
    """Return the share of right answers of the worst class or slice, and the test of all."""
    test = grouped_test(evidence.examples, column)
    worst = test.groups[test.worst]
    interval = proportion.interval(worst.right, worst.n)
    measurement = evidence.share(worst.share, interval, worst.n)
    if evidence.clusters is None:
        return measurement, test
    right = share_metric("right", "share of examples whose answer is right", evidence.task.right)
    by_group = clustered_test(right, evidence.examples, column, evidence.clusters)
    if isinstance(by_group, str):
        return not_measured("share", by_group), None
    return replace(measurement, interval=None), by_group


def _parity(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    """Return the agreement with another runtime for a floor, otherwise the excess."""
    if not evidence.comparisons:
        return not_measured("share", evidence.no_parity), None
    if isinstance(gate, ParityGate) and gate.at_least is None:
        relative = parity.relative_test(evidence.comparisons)
        worst = relative.worst
        return evidence.share(worst.value, worst.interval), relative
    test = parity.agreement_test(evidence.comparisons)
    interval = proportion.interval(test.right, test.n)
    return evidence.share(test.share, interval), test


def _parity_difference(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    if not evidence.comparisons:
        return not_measured("share", evidence.no_parity), None
    differences = [comparison.largest_difference for comparison in evidence.comparisons]
    difference = max(differences)
    return evidence.share(difference, None), ExactValue(difference)


def _accelerator_coverage(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    accelerator = ""
    if isinstance(gate, PlacementFloor):
        accelerator = gate.accelerator.value
    return predicted_coverage(evidence.placements, accelerator, evidence.no_placement)


def _false_alarms(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    if evidence.alarms is None:
        return not_measured("1/h", "no stream was heard: run `dvc repro`"), None
    alarms = evidence.alarms
    test = PoissonTest(alarms.count, alarms.hours)
    return evidence.metrics["false_alarms_per_hour"], test


# Gates whose measurement is not the metric of the same name, or that are decided from examples.
SPECIAL: dict[str, Callable[[TargetEvidence, Gate], GateEvidence]] = {
    "accuracy": _score,
    "accuracy_drop": _score_drop,
    "class_accuracy": _class_accuracy,
    "slice_accuracy": _slice_accuracy,
    "false_alarms_per_hour": _false_alarms,
    "parity": _parity,
    "parity_difference": _parity_difference,
    "accelerator_coverage": _accelerator_coverage,
}
