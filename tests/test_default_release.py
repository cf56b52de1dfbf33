"""Build the default release in a real clone and check its bundles."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake import artifacts
from edgebake.data.dataset import take_split
from edgebake.data.sources import digits
from edgebake.recipe import stage_params
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.litert import run as litert_run
from edgebake.runtimes.onnxruntime import run as onnx_run
from edgebake.runtimes.session import NamedExamples, predictions
from edgebake.tasks import contract
from edgebake.tasks.outputs.classification import TASK
from tests import builds
from tests.builds import manifest

pytestmark = pytest.mark.release


def test_every_target_of_the_default_release_passes_its_gates(built: Path) -> None:
    table = builds.edgebake(built, "table").stdout
    rows = [line.split() for line in table.splitlines()]
    assert ["gates", "accuracy", "drop", "classes", "parity", "speedup", "p90", "size"] in rows
    for target in ("pixel_8", "android_any", "raspberry_pi_5"):
        assert [target, *["passed"] * 5, "accepted", "passed"] in rows
    # Nobody else runs a pruned model, or one in lookup tables; and no phone is attached.
    assert ["galaxy_a14", *["passed"] * 3, "accepted", "passed", "accepted", "passed"] in rows
    assert ["iphone_15", *["passed"] * 4, *["no", "gate", "no", "gate"], "passed"] in rows
    assert [
        "iphone_se_3",
        *["passed"] * 3,
        "accepted",
        *["no", "gate", "no", "gate"],
        "passed",
    ] in rows


def test_every_published_file_is_an_output_of_its_stage(built: Path) -> None:
    """Guards that DVC restores all that a stage wrote: a file it does not track stays old."""
    assert builds.untracked_outputs(built) == []


def test_a_verdict_is_decided_again_without_measuring(built: Path) -> None:
    done = builds.edgebake(built, "gate", "pixel_8")
    assert done.returncode == 0, done.stderr
    strict = builds.edgebake(built, "gate", "pixel_8", "validate.budget.accuracy.at_least=0.975")
    assert strict.returncode == 1
    assert "more test examples would decide" in strict.stdout


def test_the_models_are_as_good_as_the_release_says(built: Path) -> None:
    for platform, target in (
        ("android", "pixel_8"),
        ("android", "android_any"),
        ("linux", "raspberry_pi_5"),
    ):
        report = json.loads(
            (built / f"artifacts/package/{platform}.measurements.json").read_text()
        )[target]["metrics"]
        assert report["accuracy"]["value"] > 0.97
        assert abs(report["accuracy_drop"]["value"]) < 0.01
        assert report["accuracy"]["n"] == 540
        assert report["latency_p90_ms"]["where"] == "host"
        assert report["latency_p90_ms"]["sha256"] == report["accuracy"]["sha256"]


def test_half_of_the_multiply_accumulates_cost_less_than_two_points(built: Path) -> None:
    account = json.loads((built / "artifacts/prune/digits-ds_cnn-channels/pruned.json").read_text())
    assert account["macs"]["after"] <= 0.5 * account["macs"]["before"]
    assert account["accuracy"]["fine_tuned"] > account["accuracy"]["before"] - 0.02
    report = json.loads((built / "artifacts/package/android.measurements.json").read_text())
    pruned, whole = (report[target]["metrics"] for target in ("galaxy_a14", "pixel_8"))
    assert pruned["accuracy_drop"]["value"] < 0.02
    assert pruned["size_mb"]["value"] < 0.75 * whole["size_mb"]["value"]
    table = builds.edgebake(built, "table").stdout
    (row,) = (
        line.split()
        for line in table.splitlines()
        if line.split()[:1] == ["digits-ds_cnn-channels"]
    )
    assert row[1] == f"{account['macs']['after'] / account['macs']['before']:.0%}"


def test_int8_finds_the_label_of_float_and_of_the_other_runtime(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for platform, target in (("android", "pixel_8"), ("linux", "raspberry_pi_5")):
        report = json.loads(
            (built / f"artifacts/package/{platform}.measurements.json").read_text()
        )[target]["metrics"]
        assert report["agreement_with_float"]["value"] >= 0.99
    monkeypatch.chdir(built)
    images, outputs = pictures(), []
    for runtime, where in (
        (litert_run, "android/digits-ds_cnn-int8-litert-android"),
        (onnx_run, "linux/digits-ds_cnn-int8-onnxruntime-linux"),
    ):
        files = artifacts.read_files(Path("artifacts/validate") / where / "files")
        outputs.append(predictions(runtime.load(files, 1), NamedExamples({"image": images})))
    assert np.mean(TASK.same(*outputs)) >= 0.99


def pictures() -> Any:
    """Return the test split as the model sees it."""
    section = stage_params.read("validate", "digits-ds_cnn-int8-litert-android")
    model_contract = contract.from_json(
        (artifacts.folder("train", section.train) / "contract.json").read_text()
    )
    return model_contract.image.preprocess(
        take_split(digits.load(section.data), section.data, "test").inputs
    )


def test_core_ml_is_measured_without_a_mac_and_says_how(built: Path) -> None:
    table = builds.edgebake(built, "table").stdout
    assert f"executor: {LABEL}, not by Core ML: " in table
    for target in ("iphone_15", "iphone_se_3"):
        report = json.loads((built / "artifacts/package/ios.measurements.json").read_text())[
            target
        ]["metrics"]
        assert report["accuracy"]["value"] > 0.97
        assert abs(report["accuracy_drop"]["value"]) < 0.01
        assert (report["accuracy"]["where"], report["accuracy"]["n"]) == (LABEL, 540)
        assert report["agreement_float32_arithmetic"]["value"] > 0.99
        assert report["latency_p90_ms"]["value"] is None
        assert report["latency_p90_ms"]["reason"] in table


def test_a_package_of_lookup_tables_is_the_smaller_one(built: Path) -> None:
    report = json.loads((built / "artifacts/package/ios.measurements.json").read_text())
    tables, floats = (
        report[target]["metrics"]["size_mb"]["value"] for target in ("iphone_se_3", "iphone_15")
    )
    assert tables < floats


def test_a_bundle_holds_what_its_manifest_lists(built: Path) -> None:
    for platform in ("android", "ios", "linux"):
        content = manifest(built, platform)
        listed = {entry["path"] for entry in content["files"]}
        with zipfile.ZipFile(built / f"artifacts/package/{platform}.zip") as archive:
            assert set(archive.namelist()) == listed | {"manifest.json", "SHA256SUMS"}
        assert content["source"]["dirty"] is False


def test_nothing_runs_when_nothing_changed(built: Path) -> None:
    done = builds.repro(built)
    assert done.returncode == 0
    assert builds.ran(done.stdout) == []


def test_every_bundle_is_verified_and_every_sample_answers_it(built: Path, tmp_path: Path) -> None:
    for platform in ("android", "ios", "linux"):
        archive = built / f"artifacts/package/{platform}.zip"
        done = builds.edgebake(
            tmp_path, "verify", str(archive), "--unsigned"
        )  # by who has no clone
        assert done.returncode == 0, done.stdout + done.stderr
    for platform in ("android", "linux"):
        archive = built / f"artifacts/package/{platform}.zip"
        sample = built / f"artifacts/package/{platform}.samples/classify.py"
        command = [sys.executable, "-I", str(sample), "--bundle", str(archive), "--check"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
