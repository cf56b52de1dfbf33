"""Gates on macro F1, on examples in groups, and on alarms, from evidence made by hand."""

from typing import Any

import numpy as np
import pytest

from edgebake.evaluation.gates.decide import decide
from edgebake.evaluation.gates.evidence import TargetEvidence
from edgebake.evaluation.gates.metric_rows import MetricRows
from edgebake.evaluation.gates.right_answers import Row
from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.evaluation.statistics.resampling import clusters_of
from edgebake.evaluation.streams import Alarms
from edgebake.measurement import Measurement
from edgebake.recipe import Budget, Ceiling, Floor, Gate, SliceFloor
from edgebake.recipe.validate import AlarmCeiling
from edgebake.tasks.outputs.classification import MACRO_F1

HERE = Measurement(0.98, "share", "host", n=200)
WORDS = ("accuracy", "accuracy_drop", "macro_f1", "macro_f1_drop", "false_alarms_per_hour")
BLOCKS = "until then it blocks the release, unless the recipe has `inconclusive: passes`"


def _decision(evidence: TargetEvidence, **gates: Gate) -> Decision:
    budget = Budget(**{**dict.fromkeys(Budget.__dataclass_fields__), **gates})  # type: ignore[arg-type]
    (decision,) = decide(budget, evidence)
    return decision


def _evidence(examples: list[Row], **fields: Any) -> TargetEvidence:
    return TargetEvidence(metrics=dict.fromkeys(WORDS, HERE), examples=examples, **fields)


def _rows(persons: int, of_each: int, wrong_persons: int = 0) -> list[Row]:
    """Return examples of persons; of the first ones, a tenth is wrong in the file alone."""
    rows = []
    for number in range(persons * of_each):
        person, position = divmod(number, of_each)
        is_wrong = person < wrong_persons and position % 10 == 0
        answer = "no" if is_wrong else "yes"
        row = {"label": "yes", "answer": answer, "float_answer": "yes", "slice:noise": "low"}
        rows.append(row | {"group": f"person {person:02}"})
    return rows


def _by_person(rows: list[Row]) -> TargetEvidence:
    return _evidence(rows, clusters=clusters_of("person", [row["group"] for row in rows]))


def _f1_evidence(n: int, wrong: int) -> TargetEvidence:
    labels = np.arange(n) % 4
    answers = np.where(np.arange(n) < wrong, 3, labels)
    right = {"label": labels, "answer": labels}
    rows = MetricRows(MACRO_F1, before=right, now={"label": labels, "answer": answers})
    return _evidence([], rows={"macro_f1": rows})


def test_macro_f1_is_judged_by_its_rows() -> None:
    floor = Floor(at_least=0.95, required=True)
    assert _decision(_f1_evidence(2000, 8), macro_f1=floor).verdict is Verdict.passed
    assert _decision(_f1_evidence(2000, 400), macro_f1=floor).verdict is Verdict.failed
    drop = Ceiling(at_most=0.02, required=True)
    assert _decision(_f1_evidence(2000, 8), macro_f1_drop=drop).verdict is Verdict.passed
    unsure = _decision(_f1_evidence(200, 0), macro_f1_drop=Ceiling(at_most=0.01, required=True))
    assert unsure.verdict is Verdict.inconclusive
    # The solution of (1 - 0.01)^n = 0.025 is 367; the search takes steps of 5 %.
    assert unsure.note == f"about 170 more test examples would decide; {BLOCKS}"
    assert unsure.bound == pytest.approx(1 - 0.025 ** (1 / 200))


def test_too_few_examples_for_macro_f1_are_not_measured() -> None:
    decision = _decision(_f1_evidence(16, 0), macro_f1=Floor(at_least=0.5, required=True))
    assert decision.verdict is Verdict.not_measured
    assert decision.measurement.reason == (
        "the test split has 16 test examples; expected at least 20"
    )


def test_accuracy_of_persons_is_drawn_by_person() -> None:
    floor = Floor(at_least=0.9, required=True)
    decision = _decision(_by_person(_rows(40, 50, wrong_persons=20)), accuracy=floor)
    assert decision.verdict is Verdict.passed
    assert decision.note == "drawn by person: 40 groups"
    drop = Ceiling(at_most=0.2, required=True)
    decision = _decision(_by_person(_rows(40, 50, wrong_persons=20)), accuracy_drop=drop)
    assert decision.verdict is Verdict.passed
    assert decision.note == "drawn by person: 40 groups"


def test_a_gate_by_person_says_how_many_more_persons_would_decide() -> None:
    decision = _decision(
        _by_person(_rows(40, 50)), accuracy_drop=Ceiling(at_most=0.05, required=True)
    )
    # No answer is wrong or changes, so that a person counts as one example: 1 - 0.025^(1/40).
    assert decision.verdict is Verdict.inconclusive
    assert decision.bound == pytest.approx(0.0881, abs=1e-4)
    # (1 - 0.05)^72 = 0.025
    assert decision.note == (
        "drawn by person: 40 groups; about 34 more groups (person) would decide; " + BLOCKS
    )


def test_fewer_than_20_persons_are_not_judged() -> None:
    evidence = _by_person(_rows(14, 50))
    reason = "examples are drawn by person, and the test split has 14 groups; expected at least 20"
    for gates in ({"accuracy": Floor(at_least=0.5, required=True)},):
        decision = _decision(evidence, **gates)
        assert decision.verdict is Verdict.not_measured
        assert decision.measurement.reason == reason
    of_class = _decision(evidence, class_accuracy=Floor(at_least=0.5, required=True))
    assert of_class.measurement.reason == f"yes: {reason}"


def test_slices_of_persons_are_drawn_by_person() -> None:
    gate = SliceFloor(at_least=0.9, column="noise", required=True)
    decision = _decision(_by_person(_rows(40, 50, wrong_persons=20)), slice_accuracy=gate)
    assert decision.verdict is Verdict.passed
    assert decision.note == "worst is low: 0.95, drawn by person: 40 groups"
    gate = SliceFloor(at_least=0.99, column="noise", required=True)
    decision = _decision(_by_person(_rows(40, 50, wrong_persons=20)), slice_accuracy=gate)
    assert decision.verdict is Verdict.failed


def test_slices_say_the_largest_number_of_persons_that_is_missing() -> None:
    # Low noise is proven though it is the worst; high noise, of 25 persons, is right and is not.
    low = _rows(200, 50, wrong_persons=200)
    high = [row | {"slice:noise": "high"} for row in _rows(25, 4)]
    gate = SliceFloor(at_least=0.88, column="noise", required=True)
    decision = _decision(_by_person(low + high), slice_accuracy=gate)
    assert decision.verdict is Verdict.inconclusive
    assert decision.bound == pytest.approx(0.025 ** (1 / 25))
    # 0.88^29 = 0.025; the search takes steps of 5 %, from 26 to 28 and 30.
    assert decision.note == (
        "worst is low: 0.9, drawn by person: 200 groups; "
        f"about 5 more groups (person) of each that is unproven would decide; {BLOCKS}"
    )
    gate = SliceFloor(at_least=1.0, column="noise", required=True)
    decision = _decision(_by_person(high), slice_accuracy=gate)
    assert decision.note == (
        "worst is high: 1, drawn by person: 25 groups; "
        f"no number of groups (person) proves a value of 1; {BLOCKS}"
    )


def test_a_calibration_error_says_how_many_more_examples_would_decide() -> None:
    error = Measurement(0.001, "share", "host", n=200)
    evidence = TargetEvidence(
        metrics={"expected_calibration_error": error},
        examples=_rows(10, 20),
        resamples={"expected_calibration_error": [0.001] * 999},
    )
    ceiling = Ceiling(at_most=0.01, required=True)
    decision = _decision(evidence, expected_calibration_error=ceiling)
    assert decision.verdict is Verdict.inconclusive
    # No answer is wrong: 0.001 + 1 - 0.025^(1/200). (1 - 0.009)^408 = 0.025, in steps of 5 %.
    assert decision.bound == pytest.approx(0.019275, abs=1e-6)
    assert decision.note == f"about 209 more test examples would decide; {BLOCKS}"
    ceiling = Ceiling(at_most=0.02, required=True)
    assert _decision(evidence, expected_calibration_error=ceiling).verdict is Verdict.passed


def test_alarms_have_the_bound_of_their_count() -> None:
    ceiling = AlarmCeiling(at_most=1.0, required=True, labels=["noise"])
    quiet = _evidence([], alarms=Alarms(0, 3000, 3.0))
    assert _decision(quiet, false_alarms_per_hour=ceiling).verdict is Verdict.passed
    short = _decision(_evidence([], alarms=Alarms(0, 1000, 1.0)), false_alarms_per_hour=ceiling)
    assert short.verdict is Verdict.inconclusive
    assert short.note == f"0 in 1 hours; about 2.1 more hours would decide; {BLOCKS}"
    unheard = _decision(_evidence([]), false_alarms_per_hour=ceiling)
    assert unheard.measurement.reason == "no stream was heard: run `dvc repro`"
