"""Verdicts: proven, disproven, undecided, not measured; and which numbers count as evidence."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from edgebake.evaluation.gates.decide import decide
from edgebake.evaluation.gates.evidence import TargetEvidence
from edgebake.evaluation.gates.right_answers import Row
from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.measurement import Measurement, not_measured
from edgebake.recipe import (
    Accelerator,
    Budget,
    Ceiling,
    Evidence,
    Floor,
    Gate,
    Inconclusive,
    ParityGate,
    PlacementFloor,
    SliceFloor,
    TimedCeiling,
    TimedFloor,
    Waiver,
)
from edgebake.runtimes.placement import Placement
from tests import measured

HERE = Measurement(0.98, "share", "host", interval=[0.96, 0.99], n=200, device="some CPU")
WORDS = tuple(Budget.__dataclass_fields__)


def _budget(**gates: Gate) -> Budget:
    return Budget(**{**dict.fromkeys(WORDS), **gates})  # type: ignore[arg-type]


def _rows(*counted: tuple[int, str, str, str]) -> list[Row]:
    """Return `count` examples each of (label, prediction, prediction of the float parent).

    They are dark where the label is 1.
    """
    return [
        {
            "label": label,
            "answer": answer,
            "float_answer": float_answer,
            "slice:light": "dark" if label == "1" else "bright",
        }
        for count, label, answer, float_answer in counted
        for _ in range(count)
    ]


def _evidence(*counted: tuple[int, str, str, str], **fields: Any) -> TargetEvidence:
    metrics = {"accuracy": HERE, "accuracy_drop": HERE} | fields.pop("metrics", {})
    return TargetEvidence(
        metrics=metrics, examples=_rows(*counted), resamples=fields.pop("resamples", {}), **fields
    )


def _only(evidence: TargetEvidence, **gates: Gate) -> Decision:
    (decision,) = decide(_budget(**gates), evidence)
    return decision


def _timed(where: str = "adb", value: float | None = 10.0) -> dict[str, Measurement]:
    if value is None:
        return {"latency_p90_ms": not_measured("ms", "no phone is attached")}
    return {"latency_p90_ms": Measurement(value, "ms", where, interval=[9, 11], n=1024)}


SPREAD = {"latency_p90_ms": [9 + i / 500 for i in range(1001)]}  # 9 to 11 ms


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        (200, Verdict.passed),
        (196, Verdict.passed),
        (195, Verdict.inconclusive),
        (183, Verdict.failed),
    ],
)
def test_a_floor_is_passed_by_its_bound_and_not_by_the_point(right: int, verdict: Verdict) -> None:
    evidence = _evidence((right, "1", "1", "1"), (200 - right, "1", "0", "1"))
    decision = _only(evidence, accuracy=Floor(at_least=0.95, required=True))
    assert decision.verdict is verdict
    assert decision.lets_through is (verdict is Verdict.passed)


def test_what_is_inconclusive_says_how_many_more_examples_would_decide_and_that_it_blocks() -> None:
    evidence = _evidence((195, "1", "1", "1"), (5, "1", "0", "1"))
    decision = _only(evidence, accuracy=Floor(at_least=0.95, required=True))
    assert decision.note == (
        "about 16 more test examples would decide; "
        "until then it blocks the release, unless the recipe has `inconclusive: passes`"
    )


def test_a_recipe_may_let_through_what_is_inconclusive_but_not_what_failed() -> None:
    gate = Floor(at_least=0.95, required=True, inconclusive=Inconclusive.passes)
    unsure = _only(_evidence((195, "1", "1", "1"), (5, "1", "0", "1")), accuracy=gate)
    assert unsure.verdict is Verdict.inconclusive_accepted
    assert unsure.lets_through
    assert not _only(
        _evidence((150, "1", "1", "1"), (50, "1", "0", "1")), accuracy=gate
    ).lets_through


def test_loss_is_paired_with_the_float_parent() -> None:
    # 60 % right is no loss if the parent is right on the same 60 %.
    gate = Ceiling(at_most=0.02, required=True)
    same = _evidence((120, "1", "1", "1"), (80, "1", "0", "0"))
    assert _only(same, accuracy_drop=gate).verdict is Verdict.passed
    lost = _evidence((160, "1", "1", "1"), (30, "1", "0", "1"), (10, "1", "1", "0"))
    assert _only(lost, accuracy_drop=gate).verdict is Verdict.failed


def test_class_accuracy_names_the_worst_class_and_where_it_stands() -> None:
    evidence = _evidence((100, "1", "1", "1"), (10, "2", "2", "2"), (20, "2", "1", "2"))
    decision = _only(evidence, class_accuracy=Floor(at_least=0.8, required=True))
    assert decision.verdict is Verdict.failed
    assert decision.note == "worst is 2: 10 of 30"
    assert decision.measurement.value == pytest.approx(1 / 3)
    assert decision.measurement.n == 30
    assert decision.measurement.device == "some CPU"


def test_slices_are_the_values_of_a_column() -> None:
    evidence = _evidence((100, "1", "1", "1"), (100, "2", "2", "2"), (30, "2", "1", "2"))
    decision = _only(
        evidence, slice_accuracy=SliceFloor(at_least=0.9, column="light", required=True)
    )
    assert decision.verdict is Verdict.failed
    assert decision.note == "worst is bright: 100 of 130"


def test_a_floor_of_parity_is_for_the_runtime_that_agrees_least() -> None:
    gates: dict[str, Gate] = {
        "parity": ParityGate(at_least=0.97, required=True),
        "parity_difference": Ceiling(at_most=0.1, required=True),
    }
    comparisons = [
        measured.comparison(1, 200, largest_difference=0.05),
        measured.comparison(0, 200, largest_difference=0.12),
    ]
    evidence = _evidence((200, "1", "1", "1"), comparisons=comparisons)
    parity, difference = decide(_budget(**gates), evidence)
    assert (parity.verdict, difference.verdict) == (Verdict.passed, Verdict.failed)
    assert (parity.measurement.value, difference.measurement.value) == (0.995, 0.12)
    assert str(parity.requirement) == "at least 0.97"


def test_parity_is_relative_to_the_float_parents_unless_it_has_a_floor() -> None:
    # Two runtimes' files that differ on 6 of 100, each as often from its float parent.
    evidence = _evidence((9, "1", "1", "1"), comparisons=[measured.comparison(60, 1000, 60)])
    relative = _only(evidence, parity=ParityGate(required=True))
    absolute = _only(evidence, parity=ParityGate(required=True, at_least=0.97))
    assert (relative.verdict, absolute.verdict) == (Verdict.passed, Verdict.failed)
    assert (relative.measurement.value, absolute.measurement.value) == (0, 0.94)
    assert str(relative.requirement) == "at most 0.02"
    assert absolute.note.startswith("differs from onnxruntime (digits-other) on 60 of 1,000")


@pytest.mark.parametrize(
    ("required", "verdict"), [(True, Verdict.not_measured), (False, Verdict.accepted)]
)
def test_without_another_runtime_parity_is_not_measured(required: bool, verdict: Verdict) -> None:
    decision = _only(_evidence((9, "1", "1", "1")), parity=ParityGate(required=required))
    assert decision.verdict is verdict
    assert (
        decision.measurement.reason
        == "no file of another runtime in the release holds the same model"
    )


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(11.0, Verdict.passed), (10.0, Verdict.inconclusive), (9.0, Verdict.failed)],
)
def test_latency_is_judged_by_the_interval_of_its_resamples(limit: float, verdict: Verdict) -> None:
    evidence = _evidence((9, "1", "1", "1"), metrics=_timed(), resamples=SPREAD)
    assert (
        _only(evidence, latency_p90_ms=TimedCeiling(at_most=limit, required=True)).verdict
        is verdict
    )


@pytest.mark.parametrize(
    ("where", "admitted", "verdict"),
    [
        ("adb", Evidence.device, Verdict.passed),
        ("host", Evidence.device, Verdict.not_measured),
        ("host", Evidence.host, Verdict.passed),
        ("host", Evidence.predicted, Verdict.passed),
    ],
)
def test_an_absolute_limit_needs_the_device_unless_the_recipe_says_otherwise(
    where: str, admitted: Evidence, verdict: Verdict
) -> None:
    evidence = _evidence((9, "1", "1", "1"), metrics=_timed(where), resamples=SPREAD)
    decision = _only(
        evidence, latency_p90_ms=TimedCeiling(at_most=50, required=True, evidence=admitted)
    )
    assert decision.verdict is verdict
    if verdict is Verdict.not_measured:
        assert decision.measurement.reason == (
            "only on this host, which is not the device; measure on the device, "
            "or set `evidence: host`"
        )


@pytest.mark.parametrize(
    ("admitted", "verdict"),
    [
        (Evidence.device, Verdict.not_measured),
        (Evidence.host, Verdict.not_measured),
        (Evidence.predicted, Verdict.passed),
    ],
)
def test_an_estimate_passes_nothing_unless_the_recipe_says_so_in_so_many_words(
    admitted: Evidence, verdict: Verdict
) -> None:
    estimate = {"latency_predicted_ms": Measurement(3.0, "ms", "predicted")}
    evidence = _evidence((9, "1", "1", "1"), metrics=_timed(value=None) | estimate)
    decision = _only(
        evidence, latency_p90_ms=TimedCeiling(at_most=50, required=True, evidence=admitted)
    )
    assert decision.verdict is verdict
    assert decision.measurement.where == (
        "predicted" if verdict is Verdict.passed else "not measured"
    )


def test_a_95th_percentile_within_the_budget_proves_the_90th() -> None:
    bounding = {"latency_p95_ms": Measurement(12.0, "ms", "adb")}
    evidence = _evidence((9, "1", "1", "1"), metrics=_timed(value=None) | bounding)
    assert (
        _only(evidence, latency_p90_ms=TimedCeiling(at_most=12, required=True)).verdict
        is Verdict.passed
    )


def test_a_95th_percentile_beyond_the_budget_says_nothing_of_the_90th() -> None:
    bounding = {"latency_p95_ms": Measurement(12.0, "ms", "adb")}
    evidence = _evidence((9, "1", "1", "1"), metrics=_timed(value=None) | bounding)
    assert (
        _only(evidence, latency_p90_ms=TimedCeiling(at_most=11, required=True)).verdict
        is Verdict.not_measured
    )


def test_a_speedup_needs_no_device() -> None:
    metrics = {"speedup": Measurement(1.5, "times", "host")}
    evidence = _evidence(
        (9, "1", "1", "1"), metrics=metrics, resamples={"speedup": [1.4, 1.5, 1.6]}
    )
    assert _only(evidence, speedup=Floor(at_least=1.3, required=True)).verdict is Verdict.passed


def test_frames_per_second_have_a_floor() -> None:
    metrics = {"frames_per_second": Measurement(100.0, "1/s", "ssh")}
    evidence = _evidence(
        (9, "1", "1", "1"), metrics=metrics, resamples={"frames_per_second": [90.0, 100.0, 110.0]}
    )
    assert (
        _only(evidence, frames_per_second=TimedFloor(at_least=30, required=True)).verdict
        is Verdict.passed
    )
    assert (
        _only(evidence, frames_per_second=TimedFloor(at_least=200, required=True)).verdict
        is Verdict.failed
    )


@pytest.mark.parametrize(("at_least", "verdict"), [(0.9, Verdict.passed), (0.95, Verdict.failed)])
def test_placement_takes_the_smaller_of_operators_and_work(
    at_least: float, verdict: Verdict
) -> None:
    gpu = Placement("gpu", "litert_gpu", 0.92, 1.0, "operator 1 of 12", "", "")
    evidence = _evidence((9, "1", "1", "1"), placements=[gpu])
    gate = PlacementFloor(accelerator=Accelerator.gpu, at_least=at_least, required=True)
    decision = _only(evidence, accelerator_coverage=gate)
    assert decision.verdict is verdict
    assert (decision.measurement.value, decision.measurement.where) == (0.92, "predicted")
    npu = replace(gate, accelerator=Accelerator.npu)
    assert _only(evidence, accelerator_coverage=npu).verdict is Verdict.not_measured


@pytest.mark.parametrize(("value", "verdict"), [(20.0, Verdict.passed), (20.1, Verdict.failed)])
def test_a_size_is_passed_at_its_limit_and_below(value: float, verdict: Verdict) -> None:
    evidence = _evidence((9, "1", "1", "1"), metrics={"size_mb": Measurement(value, "MB", "file")})
    assert _only(evidence, size_mb=Ceiling(at_most=20, required=True)).verdict is verdict


def test_null_gates_are_left_out_and_the_others_keep_the_budgets_order() -> None:
    evidence = _evidence((200, "1", "1", "1"), metrics={"size_mb": Measurement(1.0, "MB", "file")})
    budget = _budget(
        size_mb=Ceiling(at_most=20, required=True), accuracy=Floor(at_least=0.9, required=True)
    )
    assert [decision.gate for decision in decide(budget, evidence)] == ["accuracy", "size_mb"]


def test_manifest_gets_limit_confidence_and_verdict_but_no_value_that_changes_from_run_to_run() -> (
    None
):
    evidence = _evidence((9, "1", "1", "1"), metrics={"size_mb": Measurement(3.25, "MB", "file")})
    assert _only(evidence, size_mb=Ceiling(at_most=20, required=True)).to_dict() == {
        "gate": "size_mb",
        "at_most": 20,
        "confidence": 0.95,
        "verdict": "passed",
    }


def test_a_shortfall_says_what_was_asked_what_was_found_and_by_how_much_it_missed() -> None:
    large = _evidence((9, "1", "1", "1"), metrics={"size_mb": Measurement(20.5, "MB", "file")})
    gate = Ceiling(at_most=20, required=True)
    assert _only(large, size_mb=gate).shortfall == "size_mb at most 20: 20.5, missed by 0.5"
    absent = _evidence((9, "1", "1", "1"), metrics=_timed(value=None))
    assert _only(absent, latency_p90_ms=TimedCeiling(at_most=5, required=True)).shortfall == (
        "latency_p90_ms at most 5: not measured"
    )


def test_waivers_are_applied_on_the_day_that_is_given() -> None:
    evidence = _evidence((9, "1", "1", "1"), metrics={"size_mb": Measurement(30.0, "MB", "file")})
    waiver = Waiver(gate="size_mb", reason="one release", by="Ada", until="2027-01-31")
    budget = _budget(size_mb=Ceiling(at_most=20, required=True))
    on, after = (
        decide(budget, evidence, [waiver], day)[0] for day in (date(2027, 1, 31), date(2027, 2, 1))
    )
    assert (on.verdict, after.verdict) == (Verdict.waived, Verdict.failed)


def test_a_file_that_the_gpu_takes_wholly_or_not_at_all_says_which_operator_keeps_it_off() -> None:
    gpu = Placement(
        accelerator="gpu",
        delegate="litert_gpu",
        operators=0.0,
        macs=0.0,
        first_off="operator 13 of 13: litert_gpu does not run LOG_SOFTMAX",
        hint="end with a softmax",
        source="",
        whole_file=True,
    )
    gate = PlacementFloor(at_least=0.9, accelerator=Accelerator.gpu, required=True)
    decision = _only(_evidence((9, "1", "1", "1"), placements=[gpu]), accelerator_coverage=gate)
    assert decision.verdict is Verdict.failed
    assert decision.note == (
        "first unsupported: operator 13 of 13: litert_gpu does not run LOG_SOFTMAX; "
        "litert_gpu takes a file wholly or not at all; end with a softmax"
    )


def test_a_file_that_could_not_be_placed_says_why() -> None:
    gate = PlacementFloor(at_least=0.9, accelerator=Accelerator.gpu, required=True)
    unknown = "CUMSUM: its multiply-accumulates are not known"
    evidence = _evidence((9, "1", "1", "1"), no_placement=unknown)
    decision = _only(evidence, accelerator_coverage=gate)
    assert (decision.verdict, decision.measurement.reason) == (Verdict.not_measured, unknown)


BESIDE = "other programs kept 1.4 of 2 cores busy"


def test_a_marked_timing_that_would_pass_decides_no_gate() -> None:
    metrics = {
        "latency_p90_ms": replace(_timed("host")["latency_p90_ms"], disturbed_by=BESIDE),
        "speedup": Measurement(2.0, "times", "host", disturbed_by=BESIDE),
    }
    evidence = TargetEvidence(
        metrics, [], {**SPREAD, "speedup": [1.9, 2.0, 2.1]}, report="artifacts/report.json"
    )
    latency = TimedCeiling(at_most=50, required=True, evidence=Evidence.host)
    for name, gate in (("latency_p90_ms", latency), ("speedup", Floor(at_least=1, required=True))):
        decision = _only(evidence, **{name: gate})
        assert (decision.verdict, decision.lets_through) == (Verdict.not_measured, False)
        assert decision.measurement.reason == (
            f"artifacts/report.json: {name}.disturbed_by: other programs kept 1.4 of 2 cores busy; "
            "expected a machine that does nothing else: run `edgebake build` again"
        )
        gate.required = False
        assert _only(evidence, **{name: gate}).verdict is Verdict.accepted


def test_that_a_host_is_no_device_matters_more_than_a_mark() -> None:
    metrics = {"latency_p90_ms": replace(_timed("host")["latency_p90_ms"], disturbed_by=BESIDE)}
    evidence = TargetEvidence(metrics, [], SPREAD)
    decision = _only(evidence, latency_p90_ms=TimedCeiling(at_most=50, required=True))
    assert decision.measurement.reason.startswith("only on this host, which is not the device")


def test_a_marked_timing_does_not_fail_a_gate_either() -> None:
    metrics = {"speedup": Measurement(0.5, "times", "host", disturbed_by=BESIDE)}
    evidence = TargetEvidence(metrics, [], {"speedup": [0.4, 0.5, 0.6]})
    decision = _only(evidence, speedup=Floor(at_least=1, required=False))
    assert decision.verdict is Verdict.accepted


def test_without_a_mark_the_same_timings_decide() -> None:
    metrics = {"speedup": Measurement(2.0, "times", "host")}
    evidence = TargetEvidence(metrics, [], {"speedup": [1.9, 2.0, 2.1]})
    decision = _only(evidence, speedup=Floor(at_least=1, required=True))
    assert decision.verdict is Verdict.passed
