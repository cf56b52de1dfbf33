"""A target is judged from what was measured of its file, with the facts of its own device."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from edgebake.errors import ArtifactError
from edgebake.evaluation.gates.judge import judge
from edgebake.evaluation.gates.verdict import Verdict
from edgebake.plan import planner
from edgebake.plan.compose import Target
from edgebake.recipe import Evidence, TimedCeiling, stage_params
from edgebake.recipe.stage_params import Plan, TargetParams
from edgebake.runtimes.placement import Placement
from edgebake.runtimes.workload import roofline
from tests import measured

PIXEL, PI = "digits-ds_cnn-int8-litert-android", "digits-ds_cnn-int8-onnxruntime-linux"


def _target(platform: str, name: str) -> TargetParams:
    found: TargetParams = stage_params.read("package", platform).targets[name]
    return found


def test_what_is_not_built_is_refused_with_what_to_run(project: Path, planned: Plan) -> None:
    planner.write(planned)
    with pytest.raises(ArtifactError, match=r"artifacts/validate/android/.*dvc repro"):
        judge(_target("android", "pixel_8"), "android")


def test_every_gate_of_the_budget_is_decided_in_its_order(project: Path, planned: Plan) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android")
    decisions = judge(_target("android", "pixel_8"), "android").decisions
    budget = planned["package"]["android"]["targets"]["pixel_8"]["budget"]
    assert [one.gate for one in decisions] == [
        word for word, gate in budget.items() if gate is not None
    ]


def test_a_device_reaches_its_own_accelerators_alone(project: Path, planned: Plan) -> None:
    planner.write(planned)
    npu = Placement("npu", "litert_google_tensor", 0.9, 0.9, "", "", "")
    gpu = Placement("gpu", "litert_gpu", 1.0, 1.0, "", "", "")
    for variant in (PIXEL, "digits-ds_cnn-float16-litert-android"):
        measured.lay(variant, "android", placements=(measured.CPU, npu, gpu))
    phone, anything = (
        judge(_target("android", name), "android").evidence for name in ("pixel_8", "android_any")
    )
    assert phone.placements == [npu, gpu, measured.CPU]  # in the order of the device
    assert anything.placements == [gpu, measured.CPU]


def test_a_file_whose_work_is_not_counted_is_not_placed_and_says_why(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    uncounted = json.dumps({"uncounted": "CUMSUM: its multiply-accumulates are not known"})
    measured.lay(PIXEL, "android", files={"workload.json": uncounted.encode()}, placements=())
    found = judge(_target("android", "pixel_8"), "android").evidence
    assert found.no_placement == "CUMSUM: its multiply-accumulates are not known"
    measured.lay(PIXEL, "android")
    assert judge(_target("android", "pixel_8"), "android").evidence.no_placement == ""


def test_the_estimate_is_of_the_devices_facts_and_says_so(project: Path, planned: Plan) -> None:
    planner.write(planned)
    measured.lay(PI, "linux")
    target = _target("linux", "raspberry_pi_5")
    estimate = judge(target, "linux").evidence.metrics["latency_predicted_ms"]
    assert target.device.compute is not None
    assert estimate.value == pytest.approx(roofline(measured.WORKLOAD, target.device.compute))
    assert (estimate.where, estimate.device, estimate.threads) == ("predicted", "Raspberry Pi 5", 1)


def test_without_facts_there_is_no_estimate(project: Path, planned: Plan) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android")
    estimate = judge(_target("android", "pixel_8"), "android").evidence.metrics[
        "latency_predicted_ms"
    ]
    assert estimate.value is None
    assert (
        estimate.reason
        == "the peak compute and bandwidth of a core of Google Pixel 8 are not in its recipe"
    )


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [(Evidence.device, Verdict.not_measured), (Evidence.predicted, Verdict.passed)],
)
def test_an_estimate_passes_a_latency_gate_only_in_so_many_words(
    project: Path, planned: Plan, composed: dict[str, Target], evidence: Evidence, verdict: Verdict
) -> None:
    planner.write(planned)
    measured.lay(PI, "linux", latency_p90_ms=None)
    target = deepcopy(_target("linux", "raspberry_pi_5"))
    target.budget.latency_p90_ms = TimedCeiling(at_most=50, required=True, evidence=evidence)
    (decision,) = (one for one in judge(target, "linux").decisions if one.gate == "latency_p90_ms")
    assert decision.verdict is verdict
