"""Verdicts: at the limit, beside it, and where nothing was measured."""

import pytest

from pipeline.gates import Verdict, decide
from pipeline.measurement import Measurement, not_measured
from pipeline.recipe import Budget, Ceiling, Floor

EMPTY = {
    "accuracy": None,
    "loss": None,
    "latency_p95_ms": None,
    "frames_per_second": None,
    "size_mb": None,
    "peak_memory_mb": None,
}


def _budget(**gates: Floor | Ceiling) -> Budget:
    return Budget(**{**EMPTY, **gates})  # type: ignore[arg-type]


def _found(value: float | None) -> Measurement:
    return not_measured("share", "no such device here") if value is None else Measurement(value, "share", "host")


@pytest.mark.parametrize(
    ("value", "required", "verdict"),
    [
        (0.95, True, Verdict.passed),
        (0.9499, True, Verdict.failed),
        (0.96, False, Verdict.passed),
        (0.94, False, Verdict.failed),
        (None, True, Verdict.not_measured),
        (None, False, Verdict.accepted),
        (float("nan"), True, Verdict.failed),
    ],
)
def test_floor_is_passed_at_its_limit_and_above(value: float | None, required: bool, verdict: Verdict) -> None:
    budget = _budget(accuracy=Floor(at_least=0.95, required=required))
    assert decide(budget, {"accuracy": _found(value)})[0].verdict is verdict


@pytest.mark.parametrize(
    ("value", "required", "verdict"),
    [
        (0.02, True, Verdict.passed),
        (0.0201, True, Verdict.failed),
        (-0.01, True, Verdict.passed),
        (0.03, False, Verdict.failed),
        (None, True, Verdict.not_measured),
        (None, False, Verdict.accepted),
        (float("nan"), False, Verdict.failed),
    ],
)
def test_ceiling_is_passed_at_its_limit_and_below(value: float | None, required: bool, verdict: Verdict) -> None:
    budget = _budget(loss=Ceiling(at_most=0.02, required=required))
    assert decide(budget, {"loss": _found(value)})[0].verdict is verdict


@pytest.mark.parametrize(
    ("value", "required", "ships"),
    [(0.99, True, True), (0.5, True, False), (0.5, False, False), (None, True, False), (None, False, True)],
)
def test_a_measured_miss_never_ships(value: float | None, required: bool, ships: bool) -> None:
    budget = _budget(accuracy=Floor(at_least=0.95, required=required))
    assert decide(budget, {"accuracy": _found(value)})[0].lets_through is ships


def test_null_gates_are_left_out_and_the_others_keep_the_budgets_order() -> None:
    budget = _budget(size_mb=Ceiling(at_most=20, required=True), accuracy=Floor(at_least=0.9, required=True))
    decisions = decide(budget, {"size_mb": _found(1.0), "accuracy": _found(1.0), "loss": _found(9.0)})
    assert [one.gate for one in decisions] == ["accuracy", "size_mb"]


def test_manifest_gets_limit_and_verdict_but_no_value_that_changes_from_run_to_run() -> None:
    budget = _budget(size_mb=Ceiling(at_most=20, required=True))
    assert decide(budget, {"size_mb": _found(3.25)})[0].to_dict() == {
        "gate": "size_mb",
        "at_most": 20,
        "verdict": "passed",
    }
