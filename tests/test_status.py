"""The table of the release: nothing built, one target built, no plan."""

import io
import json
from copy import deepcopy
from pathlib import Path

import pytest
from rich.console import Console

from pipeline import artifacts, plan, status
from pipeline.compose import Composed
from pipeline.errors import PlanError
from pipeline.measurement import Measurement, not_measured
from pipeline.plan import Plan
from pipeline.recipe import Ceiling, Floor, Release
from pipeline.runtimes.coreml.executor import LABEL

FOUND = {
    "accuracy": Measurement(0.96, "share", "host", device="some CPU", threads=1, n=540),
    "float_accuracy": Measurement(0.9685, "share", "host", device="some CPU", threads=1, n=540),
    "size_mb": Measurement(0.04366, "MB", "file"),
    "latency_p95_ms": Measurement(0.25, "ms", "host", device="some CPU", threads=1, n=500),
    "frames_per_second": Measurement(5000.0, "1/s", "host", device="some CPU", threads=1, n=500),
}
NOTHING = {"accuracy": "share", "latency_p95_ms": "ms", "frames_per_second": "1/s"}
REASON = "no such device here"
ABSENT = {name: not_measured(unit, REASON) for name, unit in NOTHING.items()}
EXECUTED = FOUND | {
    "accuracy": Measurement(0.9667, "share", LABEL, device="some CPU", threads=1, n=540),
    "latency_p95_ms": ABSENT["latency_p95_ms"],
    "frames_per_second": ABSENT["frames_per_second"],
}


def _shown() -> list[str]:
    stream = io.StringIO()
    status.show(Console(file=stream, soft_wrap=True))
    return stream.getvalue().splitlines()


def _rows(first: str) -> list[str]:
    return [" ".join(line.split()) for line in _shown() if line.split()[:1] == [first]]


def _lines(start: str) -> list[str]:
    return [line for line in _shown() if line.startswith(start)]


def _report(validate: str, platform: str, metrics: dict[str, Measurement]) -> None:
    content = {"metrics": {name: measured.to_dict() for name, measured in metrics.items()}}
    folder = artifacts.folder("validate", validate, platform)
    artifacts.write_files(folder, {"report.json": json.dumps(content).encode()})


def test_without_a_plan_it_says_how_to_get_one(project: Path) -> None:
    with pytest.raises(PlanError, match=r"params\.yaml: not there; run `edgebake plan`"):
        status.show(Console(file=io.StringIO()))


def test_a_target_that_is_not_built_says_so(project: Path, planned: Plan) -> None:
    plan.write(planned)
    assert _rows("pixel_8") == ["pixel_8 litert not built"]
    assert "bundle android: none, see above" in _shown()


def test_a_built_target_shows_its_numbers_and_its_gates(project: Path, planned: Plan) -> None:
    plan.write(planned)
    _report("digits-ds_cnn-int8-litert-android", "android", FOUND)
    assert _rows("pixel_8") == [
        "pixel_8 litert 96.00% 96.85% 43.7 kB 0.25 ms host",
        "pixel_8 passed passed passed passed",
    ]
    assert _rows("android_any") == ["android_any litert not built"]


def test_missed_gates_are_told_apart(project: Path, planned: Plan) -> None:
    plan.write(planned)
    slow = {"latency_p95_ms": Measurement(51.0, "ms", "host"), "frames_per_second": Measurement(20.0, "1/s", "host")}
    _report("digits-ds_cnn-int8-litert-android", "android", FOUND | slow)
    assert _rows("gates") == ["gates accuracy p95 frames/s size"]
    assert _rows("pixel_8")[1] == "pixel_8 passed FAILED FAILED passed"


def test_what_was_not_measured_is_never_a_number(project: Path, planned: Plan) -> None:
    plan.write(planned)
    _report("digits-ds_cnn-float16-coreml-ios", "ios", FOUND | ABSENT)
    assert _rows("iphone_15") == [
        "iphone_15 coreml not measured 96.85% 43.7 kB not measured -",
        "iphone_15 NOT MEASURED passed",
    ]
    assert _lines("not measured: ") == ["not measured: no such device here"]
    assert _lines("accepted: ") == []


def test_what_need_not_be_measured_is_accepted_and_says_what_that_means(
    project: Path, release: Release, composed: dict[str, Composed]
) -> None:
    iphone = deepcopy(composed["iphone_15"])
    iphone.recipe.validate.budget.accuracy = Floor(at_least=0.95, required=False)
    iphone.recipe.validate.budget.latency_p95_ms = Ceiling(at_most=50, required=False)
    plan.write(plan.merge(release, [iphone]))
    _report("digits-ds_cnn-float16-coreml-ios", "ios", FOUND | ABSENT)
    assert _rows("gates") == ["gates accuracy p95 size"]
    assert _rows("iphone_15")[1] == "iphone_15 accepted accepted passed"
    assert _lines("accepted: ") == ["accepted: not measured, and the target's recipe says `required: false`"]


def test_what_the_executor_measured_is_explained_below_the_table(project: Path, planned: Plan) -> None:
    plan.write(planned)
    _report("digits-ds_cnn-float16-coreml-ios", "ios", EXECUTED)
    assert _rows("iphone_15")[0] == "iphone_15 coreml 96.67% 96.85% 43.7 kB not measured executor"
    assert _lines("executor: ") == [
        "executor: executed on Linux (edgebake's ML Program executor), not by Core ML: some CPU"
    ]
    assert _lines("host: ") == ["host: some CPU"]  # where the float model ran


def test_a_reason_that_many_numbers_share_is_told_once(project: Path, planned: Plan) -> None:
    plan.write(planned)
    for scheme in ("float16", "palettized"):
        _report(f"digits-ds_cnn-{scheme}-coreml-ios", "ios", EXECUTED)
    assert len(_rows("iphone_15")) == len(_rows("iphone_se_3")) == 2
    assert _lines("not measured: ") == ["not measured: no such device here"]


def test_a_gate_that_a_target_lacks_is_told_from_one_that_it_passed(project: Path, planned: Plan) -> None:
    plan.write(planned)
    _report("digits-ds_cnn-int8-litert-android", "android", FOUND)
    _report("digits-ds_cnn-float16-coreml-ios", "ios", EXECUTED)
    assert _rows("gates") == ["gates accuracy p95 frames/s size"]
    assert _rows("pixel_8")[1] == "pixel_8 passed passed passed passed"
    assert _rows("iphone_15")[1] == "iphone_15 passed no gate no gate passed"


def test_half_precision_says_what_it_costs(project: Path, planned: Plan) -> None:
    plan.write(planned)
    shares = {"accuracy_float32_arithmetic": 0.9685, "agreement_float32_arithmetic": 0.9981}
    compared = {name: Measurement(share, "share", LABEL) for name, share in shares.items()}
    _report("digits-ds_cnn-float16-coreml-ios", "ios", EXECUTED | compared)
    _report("digits-ds_cnn-palettized-coreml-ios", "ios", EXECUTED)
    assert _lines("half precision ") == [
        "half precision of iphone_15: 96.67%, in float32 arithmetic 96.85%, the same label for 99.81%"
    ]


def test_a_terminal_of_80_columns_shows_all_of_it(project: Path, planned: Plan) -> None:
    plan.write(planned)
    _report("digits-ds_cnn-float16-coreml-ios", "ios", FOUND | ABSENT)
    _report("digits-ds_cnn-palettized-coreml-ios", "ios", EXECUTED)
    _report("digits-ds_cnn-int8-onnxruntime-linux", "linux", FOUND)
    stream = io.StringIO()
    status.show(Console(file=stream, width=80, force_terminal=True))
    assert "…" not in stream.getvalue()


def test_a_bundle_is_shown_with_its_place(project: Path, planned: Plan) -> None:
    plan.write(planned)
    artifacts.write_files(artifacts.ROOT / "package", {"linux.zip": b"zip"})
    assert "bundle linux: artifacts/package/linux/ and artifacts/package/linux.zip" in _shown()


def test_a_pruned_model_stands_beside_what_it_has_to_beat(project: Path, planned: Plan) -> None:
    plan.write(planned)
    account = {
        "validation_images": 100,
        "accuracy": {"before": 0.98, "cut": 0.1, "fine_tuned": 0.96},
        "macs": {"before": 1000, "after": 500},
        "parameters": {"before": 400, "after": 100},
        "baselines": {"from_scratch": 0.97},
    }
    for name, content in {"digits-ds_cnn": {"method": "none"}, "digits-ds_cnn-channels": account}.items():
        artifacts.write_files(artifacts.folder("prune", name), {"pruned.json": json.dumps(content).encode()})
    assert _rows("digits-ds_cnn-channels") == ["digits-ds_cnn-channels 50% 25% 98.00% 10.00% 96.00% 97.00% -"]
    assert _lines("digits-ds_cnn-channels: ") == [
        "digits-ds_cnn-channels: its architecture, trained from scratch, is right on 1 more of 100 validation images"
    ]
    assert _rows("digits-ds_cnn") == []
