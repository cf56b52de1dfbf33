"""What validate and parity left, as what gates are decided from.

Reads artifacts/validate/<platform>/<variant>/ and artifacts/parity/<platform>.json.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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

Row = dict[str, str]
GateEvidence = tuple[Measurement, HypothesisTest | None]


@dataclass(frozen=True)
class TargetEvidence:
    """All that is known of one target's file."""

    metrics: dict[str, Measurement]
    examples: list[Row]  # label, answer, float_answer, confidence, slice:<column>
    resamples: dict[str, list[float]] = field(default_factory=dict)
    parity: dict[str, Any] | None = (
        None  # the runtime that agrees least, none where there is no other
    )
    no_parity: str = NO_OTHER  # why there is none
    placements: list[Placement] = field(default_factory=list)  # the device's own, in its order

    def of(self, word: str, gate: Gate) -> GateEvidence:
        """Return the measurement that a gate asks about, and what a verdict can be drawn from."""
        special = SPECIAL.get(word)
        if special:
            return special(self, gate)
        measured = self.metrics[word]
        if measured.value is None:
            return measured, None
        if word in self.resamples:
            decides = MORE_EXAMPLES if measured.unit == "share" else MORE_RUNS
            return measured, BootstrapTest(self.resamples[word], decides)
        return measured, ExactValue(measured.value)

    @property
    def right(self) -> int:
        """Return how many test examples the file answers as they are labelled."""
        return sum(map(is_right, self.examples))


def read(folder: Path, parity: Path) -> TargetEvidence:
    """Return what lies in validate's folder of a variant, and in parity's file of its platform."""
    report = json.loads((folder / "report.json").read_text())
    with (folder / "examples.csv").open(newline="") as file:
        examples = list(csv.DictReader(file))
    others = json.loads(parity.read_text()) if parity.exists() else None
    return TargetEvidence(
        metrics={name: from_dict(metric) for name, metric in report["metrics"].items()},
        examples=examples,
        resamples=json.loads((folder / "resamples.json").read_text()),
        parity=others.get(report["variant"]) if others else None,
        no_parity=NO_OTHER if others is not None else f"{parity} is not there: run `dvc repro`",
    )


def is_right(row: Row) -> bool:
    """Return whether the file answers an example as it is labelled."""
    return row["answer"] == row["label"]


def pairs(rows: Iterable[Row]) -> PairedTest:
    """Return how often the float parent alone, and the file alone, is right."""
    kinds = Counter((row["float_answer"] == row["label"], is_right(row)) for row in rows)
    return PairedTest(kinds[True, False], kinds[False, True], kinds.total())


def groups(rows: Iterable[Row], column: str) -> GroupedTest:
    """Return for each value of a column how many of its examples are right, sorted by value."""
    kinds = Counter((row[column], is_right(row)) for row in rows)
    names = sorted({name for name, _ in kinds})
    return GroupedTest(
        {
            name: ProportionTest(kinds[name, True], kinds[name, True] + kinds[name, False])
            for name in names
        }
    )


def _accuracy(findings: TargetEvidence, _: Gate) -> GateEvidence:
    return findings.metrics["accuracy"], ProportionTest(findings.right, len(findings.examples))


def _accuracy_drop(findings: TargetEvidence, _: Gate) -> GateEvidence:
    return findings.metrics["accuracy_drop"], pairs(findings.examples)


def _classes(findings: TargetEvidence, _: Gate) -> GateEvidence:
    return _of_groups(findings, groups(findings.examples, "label"))


def _slices(findings: TargetEvidence, gate: Gate) -> GateEvidence:
    column = gate.column if isinstance(gate, SliceFloor) else ""
    return _of_groups(findings, groups(findings.examples, f"{SLICE}{column}"))


def _of_groups(findings: TargetEvidence, found: GroupedTest) -> GateEvidence:
    worst = found.counts[found.worst]
    interval = proportion.interval(worst.right, worst.n)
    measured = replace(
        findings.metrics["accuracy"], value=worst.right / worst.n, n=worst.n, interval=interval
    )
    return measured, found


def _parity(findings: TargetEvidence, _: Gate) -> GateEvidence:
    if findings.parity is None:
        return not_measured("share", findings.no_parity), None
    counts = ProportionTest(findings.parity["same"], findings.parity["n"])
    interval = proportion.interval(counts.right, counts.n)
    measured = _compared(findings, counts.right / counts.n)
    return replace(measured, interval=interval), counts


def _parity_difference(findings: TargetEvidence, _: Gate) -> GateEvidence:
    if findings.parity is None:
        return not_measured("share", findings.no_parity), None
    measured = _compared(findings, findings.parity["largest_difference"])
    return measured, ExactValue(findings.parity["largest_difference"])


def _compared(findings: TargetEvidence, value: float) -> Measurement:
    return replace(findings.metrics["accuracy"], value=value, interval=None)


def _accelerator_coverage(findings: TargetEvidence, gate: Gate) -> GateEvidence:
    accelerator = gate.accelerator.value if isinstance(gate, PlacementFloor) else ""
    for one in findings.placements:
        if one.accelerator == accelerator:
            value = min(one.operators, one.macs)
            return Measurement(value, "share", PREDICTED, device=one.delegate), ExactValue(value)
    return not_measured(
        "share", f"nothing is known to bring this file to the device's {accelerator}"
    ), None


# Gates whose measurement is not a metric of the same name, or that are decided from examples.
SPECIAL: dict[str, Callable[[TargetEvidence, Gate], GateEvidence]] = {
    "accuracy": _accuracy,
    "accuracy_drop": _accuracy_drop,
    "class_accuracy": _classes,
    "slice_accuracy": _slices,
    "parity": _parity,
    "parity_difference": _parity_difference,
    "accelerator_coverage": _accelerator_coverage,
}
