"""Gates of a task whose score is no accuracy, which a project may bring."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.evaluation.gates.decide import decide
from edgebake.evaluation.gates.evidence import TargetEvidence
from edgebake.evaluation.gates.metric_rows import MetricRows
from edgebake.evaluation.gates.right_answers import Row
from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.evaluation.statistics import proportion
from edgebake.evaluation.statistics.resampling import clusters_of
from edgebake.measurement import Measurement
from edgebake.recipe import Budget, Ceiling, Floor, Gate, ParityGate
from edgebake.tasks.metric import Metric, share_metric
from edgebake.tasks.outputs.classification import MACRO_F1, Classification
from tests import measured

F1 = Measurement(0.97, "share", "executor", interval=[0.95, 0.98], n=400, device="some CPU")
NEAR = share_metric("near", "share of answers next to the label", lambda *_: np.zeros(0, bool))


class Rising(Classification):
    """A task that is judged by macro F1, with a share of its own besides."""

    METRICS: tuple[Metric, ...] = (MACRO_F1, NEAR)  # type: ignore[assignment]


def _row(number: int, is_wrong: bool) -> Row:
    label = ("falls", "rises")[number % 2]
    answer = "falls" if is_wrong else label
    person = f"person {number // 10:02}"
    return {"label": label, "answer": answer, "float_answer": label, "group": person}


def _evidence(**fields: Any) -> TargetEvidence:
    """Return evidence on 400 examples of 40 persons, 10 answers of which are wrong."""
    examples = [_row(number, is_wrong=number % 40 == 1) for number in range(400)]
    labels = np.arange(400) % 2
    answers = np.where(np.arange(400) % 40 == 1, 0, labels)
    near = np.arange(400) >= 4
    rows = {
        "macro_f1": MetricRows(
            MACRO_F1, {"label": labels, "answer": labels}, {"label": labels, "answer": answers}
        ),
        "near": MetricRows(NEAR, {"right": np.ones(400, bool)}, {"right": near}),
    }
    words = ("macro_f1", "float_macro_f1", "macro_f1_drop", "near", "near_drop")
    metrics = dict.fromkeys(words, F1)
    return TargetEvidence(metrics, examples, rows=rows, task=Rising(), **fields)


def _decision(evidence: TargetEvidence, **gates: Gate) -> Decision:
    empty = dict.fromkeys(Budget.__dataclass_fields__)
    (decision,) = decide(Budget(**{**empty, **gates}), evidence)  # type: ignore[arg-type]
    return decision


def test_the_gate_named_accuracy_is_of_the_score() -> None:
    decision = _decision(_evidence(), accuracy=Floor(at_least=0.9, required=True))
    assert decision.verdict is Verdict.passed
    assert decision.measurement == F1


def test_a_class_is_judged_by_its_right_answers_where_the_score_was_measured() -> None:
    decision = _decision(_evidence(), class_accuracy=Floor(at_least=0.9, required=True))
    assert decision.verdict is Verdict.passed
    assert decision.note == "worst is rises: 190 of 200"
    interval = proportion.interval(190, 200)
    assert decision.measurement == replace(F1, value=0.95, n=200, interval=interval)


def test_a_class_is_judged_by_person() -> None:
    evidence = _evidence()
    groups = clusters_of("person", [row["group"] for row in evidence.examples])
    by_person = replace(evidence, clusters=groups)
    decision = _decision(by_person, class_accuracy=Floor(at_least=0.85, required=True))
    assert decision.verdict is Verdict.passed
    assert decision.note.startswith("worst is rises: 0.95, drawn by person: 40 groups")


@pytest.mark.parametrize(
    ("gate", "value"),
    [
        (ParityGate(margin=0.1, required=True), 2 / 100),
        (ParityGate(margin=0.1, at_least=0.9, required=True), 0.98),
    ],
    ids=["margin", "floor"],
)
def test_parity_counts_answers(gate: ParityGate, value: float) -> None:
    compared = _evidence(comparisons=[measured.comparison(2, 100)])
    decision = _decision(compared, parity=gate)
    assert decision.measurement.value == pytest.approx(value)
    assert decision.measurement.where == "executor"


def test_the_largest_difference_between_runtimes_has_no_interval() -> None:
    compared = _evidence(comparisons=[measured.comparison(0, 100, largest_difference=0.1)])
    decision = _decision(compared, parity_difference=Ceiling(at_most=0.2, required=True))
    assert decision.measurement == replace(F1, value=0.1, interval=None)


def test_a_share_of_the_tasks_own_is_counted_by_its_own_rows() -> None:
    _, test = _evidence().on("near", Floor(at_least=0.9, required=True))
    assert test is not None
    assert (test.right, test.n) == (396, 400)  # type: ignore[attr-defined]
