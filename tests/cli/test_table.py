"""The table of the release: nothing built, one target built, no plan."""

import io
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from edgebake import artifacts
from edgebake.cli import table
from edgebake.errors import PlanError
from edgebake.plan import planner, variants
from edgebake.plan.compose import Target
from edgebake.recipe import Release, TimedCeiling, Waiver
from edgebake.recipe.stage_params import Plan
from edgebake.runtimes.coreml.executor import LABEL
from tests import measured
from tests.bundle import whole

PIXEL = "digits-ds_cnn-int8-litert-android"
IPHONE = "digits-ds_cnn-float16-coreml-ios"
ABSENT: dict[str, Any] = dict.fromkeys(
    ("latency_p90_ms", "frames_per_second", "peak_memory_mb", "speedup")
)
EXECUTED = ABSENT | {"accuracy": measured.share(970, 1000, LABEL)}
NOT_THE_DEVICE = (
    "only on this host, which is not the device; measure on the device, or set `evidence: host`"
)
NO_PARITY = "artifacts/parity/{}.json does not exist: run `dvc repro`"


def _shown() -> list[str]:
    stream = io.StringIO()
    table.show(Console(file=stream, soft_wrap=True))
    return stream.getvalue().splitlines()


def _rows(first: str) -> list[str]:
    return [" ".join(line.split()) for line in _shown() if line.split()[:1] == [first]]


def _lines(start: str) -> list[str]:
    return [line for line in _shown() if line.startswith(start)]


def test_without_a_plan_it_says_how_to_get_one(project: Path) -> None:
    with pytest.raises(PlanError, match=r"params\.yaml: not found; run `edgebake plan`"):
        table.show(Console(file=io.StringIO()))


def test_a_target_that_is_not_built_says_so(project: Path, planned: Plan) -> None:
    planner.write(planned)
    assert _rows("pixel_8") == ["pixel_8 litert not built"]
    assert "bundle android: none, see above" in _shown()


def test_a_built_target_shows_its_numbers_and_its_gates(project: Path, planned: Plan) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android")
    assert _rows("gates") == ["gates accuracy drop classes parity speedup p90 size"]
    assert _rows("pixel_8") == [
        "pixel_8 litert 97.00% 98.00% 40.0 kB 0.2 ms 2x host",
        "pixel_8 passed passed passed accepted passed accepted passed",
    ]
    assert _rows("android_any") == ["android_any litert not built"]


def test_missed_gates_are_told_apart(project: Path, planned: Plan) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android", speedup=0.4, size_mb=20.5)
    assert _rows("pixel_8")[1] == "pixel_8 passed passed passed accepted FAILED accepted FAILED"


def test_a_gate_that_the_measurements_cannot_decide_says_what_would(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android", right=960)
    assert _rows("pixel_8")[1] == "pixel_8 UNDECIDED passed passed accepted passed accepted passed"
    assert _lines("UNDECIDED: ") == ["UNDECIDED: the measurements prove neither a pass nor a fail"]
    assert _lines("pixel_8, ") == [
        "pixel_8, accuracy: about 285 more test examples would decide; "
        "until then it blocks the release, unless the recipe has `inconclusive: passes`"
    ]


def test_a_waived_gate_says_who_waived_it_until_when_and_why(
    project: Path, release: Release, composed: dict[str, Target]
) -> None:
    pixel = deepcopy(composed["pixel_8"])
    pixel.recipe.validate.waivers = [
        Waiver(gate="size_mb", reason="one release", by="Ada", until="2999-12-31")
    ]
    planner.write(variants.merge(release, [pixel]))
    measured.lay(PIXEL, "android", size_mb=20.5)
    assert _rows("pixel_8")[1].split()[-1] == "waived"
    assert _lines("pixel_8, ") == [
        "pixel_8, size_mb: failed; waived by Ada until 2999-12-31: one release"
    ]


def test_what_was_not_measured_is_never_a_number(
    project: Path, release: Release, composed: dict[str, Target]
) -> None:
    iphone = deepcopy(composed["iphone_15"])
    iphone.recipe.validate.budget.peak_memory_mb = TimedCeiling(at_most=50, required=True)
    planner.write(variants.merge(release, [iphone]))
    measured.lay(IPHONE, "ios", **ABSENT)
    assert _rows("iphone_15") == [
        "iphone_15 coreml 97.00% 98.00% 40.0 kB - - host",
        "iphone_15 passed passed passed accepted NOT MEASURED passed",
    ]
    assert _lines("not measured: ") == [
        f"not measured: {measured.REASON}",
        f"not measured: {NO_PARITY.format('ios')}",
    ]


def test_what_need_not_be_measured_is_accepted_and_says_what_that_means(
    project: Path, release: Release, composed: dict[str, Target]
) -> None:
    iphone = deepcopy(composed["iphone_15"])
    iphone.recipe.validate.budget.parity = None
    iphone.recipe.validate.budget.latency_p90_ms = TimedCeiling(at_most=50, required=False)
    planner.write(variants.merge(release, [iphone]))
    measured.lay(IPHONE, "ios", **ABSENT)
    assert _rows("gates") == ["gates accuracy drop classes p90 size"]
    assert _rows("iphone_15")[1] == "iphone_15 passed passed passed accepted passed"
    assert _lines("accepted: ") == [
        "accepted: not measured, and the target's recipe has `required: false`"
    ]


def test_what_is_passed_needs_no_explanation(
    project: Path, release: Release, composed: dict[str, Target]
) -> None:
    iphone = deepcopy(composed["iphone_15"])
    iphone.recipe.validate.budget.parity = None
    planner.write(variants.merge(release, [iphone]))
    measured.lay(IPHONE, "ios")
    assert _rows("iphone_15")[1] == "iphone_15 passed passed passed passed"
    assert [
        _lines(start) for start in ("accepted: ", "UNDECIDED: ", "undecided: ", "iphone_15, ")
    ] == [[], [], [], []]


def test_what_the_executor_measured_is_explained_below_the_table(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    measured.lay(IPHONE, "ios", **EXECUTED)
    assert _rows("iphone_15")[0] == "iphone_15 coreml 97.00% 98.00% 40.0 kB - - executor"
    assert _lines("executor: ") == [
        "executor: executed on Linux (edgebake's ML Program executor), not by Core ML: some CPU"
    ]
    assert _lines("host: ") == ["host: some CPU"]  # where the float model ran


def test_a_reason_that_many_numbers_share_is_told_once(project: Path, planned: Plan) -> None:
    planner.write(planned)
    for scheme in ("float16", "palettized"):
        measured.lay(f"digits-ds_cnn-{scheme}-coreml-ios", "ios", **EXECUTED)
    assert len(_rows("iphone_15")) == len(_rows("iphone_se_3")) == 2
    assert _lines(f"not measured: {measured.REASON}") == [f"not measured: {measured.REASON}"]


def test_a_limit_of_the_device_says_why_this_host_cannot_prove_it(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android")
    assert f"not measured: {NOT_THE_DEVICE}" in _shown()
    measured.lay(PIXEL, "android", timed_on="adb")
    assert _rows("pixel_8") == [
        "pixel_8 litert 97.00% 98.00% 40.0 kB 0.2 ms 2x adb and host",
        "pixel_8 passed passed passed accepted passed passed passed",
    ]
    assert f"not measured: {NOT_THE_DEVICE}" not in _shown()


def test_a_gate_that_a_target_lacks_is_told_from_one_that_it_passed(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android")
    measured.lay(IPHONE, "ios", **EXECUTED)
    assert _rows("gates") == ["gates accuracy drop classes parity speedup p90 size"]
    assert _rows("pixel_8")[1] == "pixel_8 passed passed passed accepted passed accepted passed"
    assert _rows("iphone_15")[1] == "iphone_15 passed passed passed accepted no gate no gate passed"


def test_half_precision_says_what_it_costs(project: Path, planned: Plan) -> None:
    planner.write(planned)
    counts = {"accuracy_float32_arithmetic": 971, "agreement_float32_arithmetic": 998}
    compared: dict[str, Any] = {
        name: measured.share(count, 1000, LABEL) for name, count in counts.items()
    }
    measured.lay(IPHONE, "ios", **EXECUTED, **compared)
    measured.lay("digits-ds_cnn-palettized-coreml-ios", "ios", **EXECUTED)
    costs = "97.00%, in float32 arithmetic 97.10%, the same answer for 99.80%"
    assert _lines("half precision ") == [
        f"half precision of {target}: {costs}" for target in ("iphone_15", "ios_any")
    ]


def test_a_terminal_of_80_columns_shows_all_of_it(project: Path, planned: Plan) -> None:
    planner.write(planned)
    measured.lay(IPHONE, "ios", **ABSENT)
    measured.lay("digits-ds_cnn-palettized-coreml-ios", "ios", **EXECUTED)
    measured.lay("digits-ds_cnn-int8-onnxruntime-linux", "linux", right=960)
    stream = io.StringIO()
    table.show(Console(file=stream, width=80, force_terminal=True))
    assert "…" not in stream.getvalue()


def test_a_bundle_is_shown_with_its_place(project: Path, planned: Plan) -> None:
    planner.write(planned)
    assert _lines("bundle linux") == ["bundle linux: none, see above"]
    key = {"algorithm": "ecdsa-sha2-nistp256", "key_id": "ab" * 32}
    for signature, state in (
        ("unsigned", "unsigned"),
        (key, "unsigned; `edgebake release` signs by key abababababababab"),
    ):
        whole.write("linux", json.dumps({"signature": signature}).encode())
        assert _lines("bundle linux") == [
            f"bundle linux: artifacts/package/linux/ and artifacts/package/linux.zip, {state}"
        ]


def test_a_bundle_with_the_proof_of_an_earlier_one_is_none(project: Path, planned: Plan) -> None:
    planner.write(planned)
    whole.write("linux", b'{"signature": "unsigned"}')
    artifacts.write(whole.FOLDER / "linux.zip", b"newer")
    expected = "expected a bundle as a whole: run `edgebake build`"
    assert _lines("bundle linux") == [
        "bundle linux: incomplete, artifacts/package/linux.proof is of another build than "
        f"artifacts/package/linux.zip; {expected}"
    ]
    (whole.FOLDER / "linux.zip").unlink()
    assert _lines("bundle linux") == [
        f"bundle linux: incomplete, artifacts/package/linux.zip is missing; {expected}"
    ]


def test_a_row_of_an_earlier_build_is_marked_and_says_what_has_changed(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    measured.lay(PIXEL, "android")
    assert _lines("dvc.lock") == [table.NO_RECORD]
    validate = {"cmd": "", "params": {"params.yaml": {f"validate.{PIXEL}": {"runs": 1}}}}
    lock = {"schema": "2.0", "stages": {f"validate@{PIXEL}": validate}}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    changed = f"the parameters of validate@{PIXEL} have changed"
    assert _lines("* ") == [f"* pixel_8: of an earlier build: {changed}"]
    assert [row.split()[0] for row in _rows("pixel_8*")] == ["pixel_8*", "pixel_8*"]
    params = planned["validate"][PIXEL]
    validate["params"] = {"params.yaml": {f"validate.{PIXEL}": params}}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert (_lines("* "), _rows("pixel_8*")) == ([], [])


def test_a_pruned_model_stands_beside_what_it_has_to_beat(project: Path, planned: Plan) -> None:
    planner.write(planned)
    account = {
        "validation_examples": 100,
        "accuracy": {"before": 0.98, "cut": 0.1, "fine_tuned": 0.96},
        "macs": {"before": 1000, "after": 500},
        "parameters": {"before": 400, "after": 100},
    }
    for name, content in {
        "digits-ds_cnn": {"method": "none"},
        "digits-ds_cnn-channels": account,
    }.items():
        artifacts.write_files(
            artifacts.folder("prune", name), {"pruned.json": json.dumps(content).encode()}
        )
    row = "digits-ds_cnn-channels 50% 25% 98.00% 10.00% 96.00%"
    assert _rows("digits-ds_cnn-channels") == [f"{row} - -"]
    baseline = {"kind": "from_scratch", "accuracy": 0.97}
    artifacts.write_files(
        artifacts.folder("baseline", "digits-ds_cnn-channels-from_scratch"),
        {"baseline.json": json.dumps(baseline).encode()},
    )
    assert _rows("digits-ds_cnn-channels") == [f"{row} 97.00% -"]
    assert _lines("digits-ds_cnn-channels: ") == [
        "digits-ds_cnn-channels: the pruned architecture, trained from scratch, "
        "correct on 1 more of 100 validation examples"
    ]
    assert _rows("digits-ds_cnn") == []
