"""Evidence on a target's file: its measurements, and the hypothesis test of each gate.

Reads artifacts/validate/<platform>/<variant>/ and artifacts/parity/<platform>.json.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from edgebake import artifacts
from edgebake.data.formula_cells import from_cell
from edgebake.evaluation import float_reference
from edgebake.evaluation.float_reference import FloatReference
from edgebake.evaluation.gates import parity
from edgebake.evaluation.gates.hypothesis_tests import (
    BootstrapTest,
    ExactValue,
    GroupedTest,
    HypothesisTest,
    PairedTest,
    ProportionTest,
)
from edgebake.evaluation.parity import Comparison, from_record
from edgebake.evaluation.statistics import proportion
from edgebake.measurement import PREDICTED, SLICE, Measurement, from_dict, not_measured
from edgebake.recipe import Gate, ParityGate, PlacementFloor, SliceFloor
from edgebake.runtimes.placement import Placement
from edgebake.terminal.printable import printable

MORE_EXAMPLES = "more test examples would decide"
NO_OTHER = "no file of another runtime in the release holds the same model"
MORE_RUNS = "more runs, more repeats or a quieter machine would decide"

Row = dict[
    str, str
]  # of examples.csv: name, label, answer, float_answer, confidence, slice:<column>
# The measurement of one gate, and its test; no test where it was not measured.
GateEvidence = tuple[Measurement, HypothesisTest | None]

COLUMNS = {"label", "answer", "float_answer"}
# Metrics that validate writes for every file, measured or not.
EVERY_REPORT = ("accuracy", "float_accuracy", "size_mb", "latency_p90_ms", "speedup")


class Report(TypedDict):
    """The content of report.json, as far as gates and tables read it."""

    variant: str
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

    def on(self, name: str, gate: Gate) -> GateEvidence:
        """Return the measurement of a gate, and the test that decides it."""
        special = SPECIAL.get(name)
        if special:
            return special(self, gate)
        measurement = self.metrics[name]
        if measurement.value is None:
            return measurement, None
        if name in self.resamples:
            remedy = MORE_EXAMPLES if measurement.unit == "share" else MORE_RUNS
            test = BootstrapTest(self.resamples[name], remedy)
            return measurement, test
        return measurement, ExactValue(measurement.value)

    @property
    def right(self) -> int:
        """Return the number of test examples that the file classifies correctly."""
        return sum(is_right(row) for row in self.examples)


def read(folder: Path, parity_file: Path) -> TargetEvidence:
    """Read validate's folder of a variant, and parity's file of its platform."""
    report = artifacts.read_json(folder / "report.json", Report)
    metrics = {}
    for name, fields in report["metrics"].items():
        metrics[name] = from_dict(fields)
    for name in EVERY_REPORT:
        if name not in metrics:
            raise artifacts.damaged(folder / "report.json", f"metrics.{name}: missing")
    examples = _read_examples(folder / "examples.csv")
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
        report=str(folder / "report.json"),
    )


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


def is_right(row: Row) -> bool:
    """Return whether the file classifies an example correctly."""
    return row["answer"] == row["label"]


def paired_test(rows: Iterable[Row]) -> PairedTest:
    """Count the examples that the float parent alone, and the file alone, classify correctly."""
    lost = 0
    won = 0
    n = 0
    for row in rows:
        was_right = row["float_answer"] == row["label"]
        n += 1
        if was_right and not is_right(row):
            lost += 1
        if is_right(row) and not was_right:
            won += 1
    return PairedTest(lost, won, n)


def grouped_test(rows: Iterable[Row], column: str) -> GroupedTest:
    """Count the correctly classified examples for each value of a column, sorted by value."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows:
        name = row[column]
        total[name] += 1
        right[name] += is_right(row)
    tests = {}
    for name in sorted(total):
        tests[name] = ProportionTest(right[name], total[name])
    return GroupedTest(tests)


def _accuracy(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    n = len(evidence.examples)
    test = ProportionTest(evidence.right, n)
    return evidence.metrics["accuracy"], test


def _accuracy_drop(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    test = paired_test(evidence.examples)
    return evidence.metrics["accuracy_drop"], test


def _class_accuracy(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    measurement, test = _worst_group(evidence, "label")
    return measurement, replace(test, untested=evidence.untested_classes)


def _slice_accuracy(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    column = SLICE
    if isinstance(gate, SliceFloor):
        column += gate.column
    return _worst_group(evidence, column)


def _worst_group(evidence: TargetEvidence, column: str) -> tuple[Measurement, GroupedTest]:
    """Return the accuracy of the worst group, and the test of all groups."""
    test = grouped_test(evidence.examples, column)
    worst = test.groups[test.worst]
    measurement = replace(
        evidence.metrics["accuracy"],
        value=worst.share,
        n=worst.n,
        interval=proportion.interval(worst.right, worst.n),
    )
    return measurement, test


def _parity(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    """Return the agreement with another runtime for a floor, otherwise the excess."""
    if not evidence.comparisons:
        return not_measured("share", evidence.no_parity), None
    if isinstance(gate, ParityGate) and gate.at_least is None:
        relative = parity.relative_test(evidence.comparisons)
        worst = relative.worst
        excess = replace(evidence.metrics["accuracy"], value=worst.value, interval=worst.interval)
        return excess, relative
    test = parity.agreement_test(evidence.comparisons)
    agreement = replace(
        evidence.metrics["accuracy"],
        value=test.share,
        interval=proportion.interval(test.right, test.n),
    )
    return agreement, test


def _parity_difference(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    if not evidence.comparisons:
        return not_measured("share", evidence.no_parity), None
    difference = max(comparison.largest_difference for comparison in evidence.comparisons)
    measurement = replace(evidence.metrics["accuracy"], value=difference, interval=None)
    return measurement, ExactValue(difference)


def _accelerator_coverage(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    accelerator = ""
    if isinstance(gate, PlacementFloor):
        accelerator = gate.accelerator.value
    for placement in evidence.placements:
        if placement.accelerator == accelerator:
            share = min(placement.operators, placement.macs)
            measurement = Measurement(
                value=share, unit="share", where=PREDICTED, device=placement.delegate
            )
            return measurement, ExactValue(share, _first_off(placement))
    reason = f"no known delegate runs this file on the device's {accelerator}"
    return not_measured("share", evidence.no_placement or reason), None


def _first_off(placement: Placement) -> str:
    """Return the first unsupported operator and what to do about it; empty: all are supported."""
    if not placement.first_off:
        return ""
    parts = [f"first unsupported: {placement.first_off}"]
    if placement.whole_file:
        parts.append(f"{placement.delegate} takes a file wholly or not at all")
    if placement.hint:
        parts.append(placement.hint)
    return "; ".join(parts)


# Gates whose measurement is not the metric of the same name, or that are decided from examples.
SPECIAL: dict[str, Callable[[TargetEvidence, Gate], GateEvidence]] = {
    "accuracy": _accuracy,
    "accuracy_drop": _accuracy_drop,
    "class_accuracy": _class_accuracy,
    "slice_accuracy": _slice_accuracy,
    "parity": _parity,
    "parity_difference": _parity_difference,
    "accelerator_coverage": _accelerator_coverage,
}
