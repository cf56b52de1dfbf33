"""Evidence on a target's file: its measurements, and the hypothesis test of each gate.

Reads artifacts/validate/<platform>/<variant>/ and artifacts/parity/<platform>.json.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

from edgebake.evaluation.gates.hypothesis_tests import (
    BootstrapTest,
    ExactValue,
    GroupedTest,
    HypothesisTest,
    PairedTest,
    ProportionTest,
)
from edgebake.evaluation.statistics import proportion
from edgebake.measurement import PREDICTED, SLICE, Measurement, from_dict, not_measured
from edgebake.recipe import Gate, PlacementFloor, SliceFloor
from edgebake.runtimes.placement import Placement

MORE_EXAMPLES = "more test examples would decide"
NO_OTHER = "no file of another runtime in the release holds the same model"
MORE_RUNS = "more runs, more repeats or a quieter machine would decide"

Row = dict[str, str]  # of examples.csv: label, answer, float_answer, confidence, slice:<column>
# The measurement of one gate, and its test; no test where it was not measured.
GateEvidence = tuple[Measurement, HypothesisTest | None]


class Parity(TypedDict):
    """The comparison with the runtime that agrees least; parity.json holds more keys."""

    same: int  # examples with the same predicted class
    n: int
    largest_difference: float  # of one probability, 0 to 1


@dataclass(frozen=True)
class TargetEvidence:
    """All measurements of one target's file."""

    metrics: dict[str, Measurement]
    examples: list[Row]
    resamples: dict[str, list[float]] = field(default_factory=dict)
    parity: Parity | None = None  # none where no other runtime holds the same model
    no_parity: str = NO_OTHER  # why there is none
    placements: list[Placement] = field(default_factory=list)  # of the device's accelerators

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
            return measurement, BootstrapTest(self.resamples[name], remedy)
        return measurement, ExactValue(measurement.value)

    @property
    def right(self) -> int:
        """Return the number of test examples that the file classifies correctly."""
        return sum(is_right(row) for row in self.examples)


def read(folder: Path, parity: Path) -> TargetEvidence:
    """Read validate's folder of a variant, and parity's file of its platform."""
    report = json.loads((folder / "report.json").read_text())
    with (folder / "examples.csv").open(newline="") as file:
        examples = list(csv.DictReader(file))
    comparisons: dict[str, Parity | None] = {}
    no_parity = f"{parity} is not there: run `dvc repro`"
    if parity.exists():
        comparisons = json.loads(parity.read_text())
        no_parity = NO_OTHER
    return TargetEvidence(
        metrics={name: from_dict(metric) for name, metric in report["metrics"].items()},
        examples=examples,
        resamples=json.loads((folder / "resamples.json").read_text()),
        parity=comparisons.get(report["variant"]),
        no_parity=no_parity,
    )


def is_right(row: Row) -> bool:
    """Return whether the file classifies an example correctly."""
    return row["answer"] == row["label"]


def paired_test(rows: Iterable[Row]) -> PairedTest:
    """Count the examples that the float parent alone, and the file alone, classify correctly."""
    counts: Counter[str] = Counter()
    for row in rows:
        was_right = row["float_answer"] == row["label"]
        counts["n"] += 1
        if was_right and not is_right(row):
            counts["lost"] += 1
        if is_right(row) and not was_right:
            counts["won"] += 1
    return PairedTest(counts["lost"], counts["won"], counts["n"])


def grouped_test(rows: Iterable[Row], column: str) -> GroupedTest:
    """Count the correctly classified examples for each value of a column, sorted by value."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows:
        name = row[column]
        total[name] += 1
        right[name] += is_right(row)
    return GroupedTest({name: ProportionTest(right[name], total[name]) for name in sorted(total)})


def _accuracy(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    test = ProportionTest(evidence.right, len(evidence.examples))
    return evidence.metrics["accuracy"], test


def _accuracy_drop(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    return evidence.metrics["accuracy_drop"], paired_test(evidence.examples)


def _class_accuracy(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    return _worst_group(evidence, "label")


def _slice_accuracy(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    column = gate.column if isinstance(gate, SliceFloor) else ""
    return _worst_group(evidence, f"{SLICE}{column}")


def _worst_group(evidence: TargetEvidence, column: str) -> GateEvidence:
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


def _parity(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    parity = evidence.parity
    if parity is None:
        return not_measured("share", evidence.no_parity), None
    test = ProportionTest(parity["same"], parity["n"])
    interval = proportion.interval(test.right, test.n)
    accuracy = evidence.metrics["accuracy"]
    return replace(accuracy, value=test.share, interval=interval), test


def _parity_difference(evidence: TargetEvidence, _: Gate) -> GateEvidence:
    parity = evidence.parity
    if parity is None:
        return not_measured("share", evidence.no_parity), None
    difference = parity["largest_difference"]
    accuracy = evidence.metrics["accuracy"]
    return replace(accuracy, value=difference, interval=None), ExactValue(difference)


def _accelerator_coverage(evidence: TargetEvidence, gate: Gate) -> GateEvidence:
    accelerator = gate.accelerator.value if isinstance(gate, PlacementFloor) else ""
    for placement in evidence.placements:
        if placement.accelerator == accelerator:
            share = min(placement.operators, placement.macs)
            measurement = Measurement(share, "share", PREDICTED, device=placement.delegate)
            return measurement, ExactValue(share)
    reason = f"nothing is known to bring this file to the device's {accelerator}"
    return not_measured("share", reason), None


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
