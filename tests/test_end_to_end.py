"""The main job in real clones: `dvc repro` turns recipes into bundles, the same each time, and only what it must."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake import artifacts
from edgebake.data.dataset import split
from edgebake.data.sources import digits
from edgebake.recipe import stage_params
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.litert import run as litert_run
from edgebake.runtimes.onnxruntime import run as onnx_run
from edgebake.runtimes.session import predictions, single_output
from edgebake.tasks import contract
from edgebake.tasks.outputs import classification
from tests import builds

pytestmark = pytest.mark.slow

STAGES_OF_A_BUILD = 31


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that every test here clones."""
    return builds.snapshot(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the default release built by one plain `dvc repro`; not to be edited."""
    folder = builds.clone(source, tmp_path_factory.mktemp("default") / "clone")
    done = builds.repro(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(builds.ran(done.stdout)) == STAGES_OF_A_BUILD
    return folder


@pytest.fixture(scope="module")
def quick(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a small release built, for tests that edit it; each leaves it built."""
    folder = builds.clone(source, tmp_path_factory.mktemp("quick") / "clone")
    builds.quicken(folder)
    done = builds.repro(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def manifest(folder: Path, platform: str) -> Any:
    return json.loads((folder / f"artifacts/package/{platform}/manifest.json").read_text())


def test_every_target_of_the_default_release_passes_its_gates(built: Path) -> None:
    said = builds.edgebake(built, "table").stdout
    rows = [line.split() for line in said.splitlines()]
    assert ["gates", "accuracy", "loss", "classes", "parity", "speedup", "p90", "size"] in rows
    for target in ("pixel_8", "android_any", "raspberry_pi_5"):
        assert [target, *["passed"] * 5, "accepted", "passed"] in rows
    # Nobody else runs a pruned model, or one in lookup tables; and no phone is attached.
    assert ["galaxy_a14", *["passed"] * 3, "accepted", "passed", "accepted", "passed"] in rows
    assert ["iphone_15", *["passed"] * 4, *["no", "gate", "no", "gate"], "passed"] in rows
    assert ["iphone_se_3", *["passed"] * 3, "accepted", *["no", "gate", "no", "gate"], "passed"] in rows


def test_a_verdict_is_decided_again_without_measuring(built: Path) -> None:
    said = builds.edgebake(built, "gate", "pixel_8")
    assert said.returncode == 0, said.stderr
    strict = builds.edgebake(built, "gate", "pixel_8", "validate.budget.accuracy.at_least=0.975")
    assert strict.returncode == 1
    assert "more test examples would decide" in strict.stdout


def test_the_models_are_as_good_as_the_release_says(built: Path) -> None:
    for platform, target in (("android", "pixel_8"), ("android", "android_any"), ("linux", "raspberry_pi_5")):
        report = json.loads((built / f"artifacts/package/{platform}.measurements.json").read_text())[target]["metrics"]
        assert report["accuracy"]["value"] > 0.97
        assert abs(report["loss"]["value"]) < 0.01
        assert report["accuracy"]["n"] == 540
        assert report["latency_p90_ms"]["where"] == "host"
        assert report["latency_p90_ms"]["sha256"] == report["accuracy"]["sha256"]


def test_half_of_the_multiply_accumulates_cost_less_than_two_points(built: Path) -> None:
    account = json.loads((built / "artifacts/prune/digits-ds_cnn-channels/pruned.json").read_text())
    assert account["macs"]["after"] <= 0.5 * account["macs"]["before"]
    assert account["accuracy"]["fine_tuned"] > account["accuracy"]["before"] - 0.02
    report = json.loads((built / "artifacts/package/android.measurements.json").read_text())
    pruned, whole = (report[target]["metrics"] for target in ("galaxy_a14", "pixel_8"))
    assert pruned["loss"]["value"] < 0.02
    assert pruned["size_mb"]["value"] < 0.7 * whole["size_mb"]["value"]
    said = builds.edgebake(built, "table").stdout
    (row,) = (line.split() for line in said.splitlines() if line.split()[:1] == ["digits-ds_cnn-channels"])
    assert row[1] == f"{account['macs']['after'] / account['macs']['before']:.0%}"


def test_int8_finds_the_label_of_float_and_of_the_other_runtime(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, target in (("android", "pixel_8"), ("linux", "raspberry_pi_5")):
        report = json.loads((built / f"artifacts/package/{platform}.measurements.json").read_text())[target]["metrics"]
        assert report["agreement_with_float"]["value"] >= 0.99
    monkeypatch.chdir(built)
    images, found = pictures(), []
    for runtime, where in (
        (litert_run, "android/digits-ds_cnn-int8-litert-android"),
        (onnx_run, "linux/digits-ds_cnn-int8-onnxruntime-linux"),
    ):
        files = artifacts.read_files(Path("artifacts/validate") / where / "files")
        found.append(single_output(predictions(runtime.load(files, 1), images)))
    assert classification.agreement(*found) >= 0.99


def pictures() -> Any:
    """Return the test split as the model sees it."""
    section = stage_params.read("validate", "digits-ds_cnn-int8-litert-android")
    agreed = contract.from_json((artifacts.folder("train", section.train) / "contract.json").read_text())
    return agreed.prepare(split(digits.load(section.data), section.data, "test").images)


def test_core_ml_is_measured_without_a_mac_and_says_how(built: Path) -> None:
    said = builds.edgebake(built, "table").stdout
    assert f"executor: {LABEL}, not by Core ML: " in said
    for target in ("iphone_15", "iphone_se_3"):
        report = json.loads((built / "artifacts/package/ios.measurements.json").read_text())[target]["metrics"]
        assert report["accuracy"]["value"] > 0.97
        assert abs(report["loss"]["value"]) < 0.01
        assert (report["accuracy"]["where"], report["accuracy"]["n"]) == (LABEL, 540)
        assert report["agreement_float32_arithmetic"]["value"] > 0.99
        assert report["latency_p90_ms"]["value"] is None
        assert report["latency_p90_ms"]["reason"] in said


def test_a_package_of_lookup_tables_is_the_smaller_one(built: Path) -> None:
    report = json.loads((built / "artifacts/package/ios.measurements.json").read_text())
    tables, floats = (report[target]["metrics"]["size_mb"]["value"] for target in ("iphone_se_3", "iphone_15"))
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


def test_a_bundle_is_built_again_from_its_commit_byte_for_byte(built: Path) -> None:
    """The default release, in a clone and a cache of its own: nothing of the first build answers for the second."""
    said = builds.edgebake(built, "verify", "artifacts/package/android.zip", "--unsigned", "--rebuild")
    assert said.returncode == 0, said.stdout + said.stderr
    lines = said.stdout.splitlines()
    assert lines[-1] == "digits 1.0.0 for android: sound, but unsigned"
    (rebuilt,) = (line for line in lines if line.startswith("rebuilt"))
    commit = builds.run(built, "git", "rev-parse", "HEAD").stdout[:12]
    listed = len(manifest(built, "android")["files"])
    assert rebuilt.split(maxsplit=1)[1] == f"{listed + 2} files from commit {commit}, every byte the same"


def test_every_bundle_is_verified_and_every_sample_answers_it(built: Path, tmp_path: Path) -> None:
    for platform in ("android", "ios", "linux"):
        archive = built / f"artifacts/package/{platform}.zip"
        said = builds.edgebake(tmp_path, "verify", str(archive), "--unsigned")  # by who has no clone
        assert said.returncode == 0, said.stdout + said.stderr
    for platform in ("android", "linux"):
        archive = built / f"artifacts/package/{platform}.zip"
        sample = built / f"artifacts/package/{platform}.samples/classify.py"
        command = [sys.executable, "-I", str(sample), "--bundle", str(archive), "--check"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def kill_in(folder: Path, stage: str) -> None:
    """Start a build and kill -9 it, DVC and the stage both, a moment after the stage has begun."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "dvc", "repro"],
        cwd=folder,
        env=builds.environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as dvc:
        said = iter(dvc.stdout or ())
        assert any(line.startswith(f"Running stage '{stage}@") for line in said)
        time.sleep({"train": 12, "convert": 6, "package": 0.4}[stage])
        os.killpg(dvc.pid, signal.SIGKILL)
    assert dvc.returncode == -signal.SIGKILL


def test_a_build_that_was_killed_in_three_stages_gives_the_same_bytes(quick: Path, tmp_path: Path) -> None:
    other = builds.clone(quick, tmp_path / "clone")
    for stage in ("train", "convert", "package"):
        kill_in(other, stage)
    assert builds.repro(other).returncode == 0
    assert builds.bundles(other) == builds.bundles(quick)
    assert len(builds.bundles(other)) > 10
    assert not list((other / "artifacts/.partial").glob("*"))


def test_an_edited_value_runs_only_what_it_touches(quick: Path) -> None:
    builds.edit(quick / "recipes/quantize/int8.yaml", "examples: 100", "examples: 3")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(builds.ran(done.stdout)) == sorted(
        [
            "quantize@digits-ds_cnn-int8",
            "convert@digits-ds_cnn-int8-litert",
            "convert@digits-ds_cnn-int8-onnxruntime",
            "validate@digits-ds_cnn-int8-litert-android",
            "validate@digits-ds_cnn-int8-onnxruntime-linux",
            "parity",
            "package@android",
            "package@linux",
            "sign@android",
            "sign@linux",
        ]
    )
    assert manifest(quick, "android")["source"]["dirty"] is True
    assert manifest(quick, "ios")["source"]["dirty"] is False


def test_a_value_that_is_set_back_is_restored_and_not_built(quick: Path) -> None:
    builds.run(quick, "git", "checkout", "--", "recipes")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [stage for stage in builds.ran(done.stdout) if stage.startswith(("train", "convert"))]
    assert builds.edgebake(quick, "plan", "--check").returncode == 0
    assert manifest(quick, "android")["source"]["dirty"] is False


def test_an_edited_shape_is_planned_and_asks_for_a_second_run(quick: Path) -> None:
    builds.edit(quick / "recipes/target/android_any.yaml", "quantize: float16", "quantize: dynamic")
    first = builds.repro(quick)
    assert first.returncode != 0
    assert "the release has a new shape, and it is written now: run `dvc repro` again" in first.stderr + first.stdout
    second = builds.repro(quick)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "convert@digits-ds_cnn-dynamic-litert" in builds.ran(second.stdout)
    assert not (quick / "artifacts/convert/digits-ds_cnn-float16-litert").exists()
    builds.run(quick, "git", "checkout", "--", "recipes", "params.yaml")
    assert builds.edgebake(quick, "build").returncode == 0


def test_a_target_that_differs_in_its_budget_measures_nothing_again(quick: Path) -> None:
    target = (quick / "recipes/target/pixel_8.yaml").read_text()
    (quick / "recipes/target/strict.yaml").write_text(
        f"{target}\ndevice: {{ soc: [Tensor G4] }}\nvalidate:\n  budget:\n    size_mb: {{ at_most: 1 }}\n"
    )
    builds.edit(quick / "recipes/release.yaml", "  - pixel_8", "  - pixel_8\n  - strict")
    before = (quick / "dvc.lock").read_text()
    assert builds.edgebake(quick, "build").returncode == 0
    after = yaml.safe_load((quick / "dvc.lock").read_text())["stages"]
    changed = {name for name, stage in yaml.safe_load(before)["stages"].items() if after[name] != stage}
    # Planning also removes the folder that a test before this one left, and parity looks at all of them.
    assert {name for name in changed if name not in ("plan", "revision", "parity")} == {
        *("package@android", "sign@android")
    }
    assert set(manifest(quick, "android")["targets"]) == {"pixel_8", "strict", "android_any"}
    (quick / "recipes/target/strict.yaml").unlink()
    builds.run(quick, "git", "checkout", "--", "recipes", "params.yaml")
    assert builds.edgebake(quick, "build").returncode == 0


def test_a_missed_gate_refuses_its_platform_and_no_other(quick: Path) -> None:
    builds.edit(
        quick / "recipes/target/raspberry_pi_5.yaml",
        "defaults:",
        "validate: {budget: {accuracy: {at_least: 1}}}\ndefaults:",
    )
    done = builds.repro(quick, "--keep-going")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "edgebake: linux: no bundle, 1 of 14 gates not passed" in said
    assert "raspberry_pi_5   accuracy   at least 1" in said
    assert not (quick / "artifacts/package/linux").exists()
    assert not (quick / "artifacts/package/linux.zip").exists()
    assert not (quick / "artifacts/package/linux.proof").exists()
    assert (quick / "artifacts/package/android.zip").exists()
    builds.run(quick, "git", "checkout", "--", "recipes", "params.yaml")
    assert builds.repro(quick).returncode == 0


def test_a_ladder_is_climbed_to_the_first_rung_that_passes_and_clones_take_the_same(quick: Path) -> None:
    float16 = (quick / "artifacts/convert/digits-ds_cnn-float16-litert/files/model.tflite").stat().st_size
    (quick / "recipes/target/climber.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /device: pixel_8\n  - override /quantize: auto\n"
        "  - override /convert: litert\ndevice: { soc: [Tensor G4] }\n"
        "quantize: { ladder: [float16, palettized, int4_weights, int8] }\n"
        f"validate: {{ budget: {{ size_mb: {{ at_most: {(float16 - 1) / 1e6} }} }} }}\n"
    )
    builds.edit(quick / "recipes/release.yaml", "  - pixel_8", "  - pixel_8\n  - climber")
    done = builds.edgebake(quick, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("climber: one rung further") == 1
    assert "float16       size_mb at most" in done.stdout
    assert "palettized    not tried: quantize: litert cannot carry palettized" in done.stdout
    assert "int4_weights  taken" in done.stdout
    assert manifest(quick, "android")["targets"]["climber"]["model"].endswith("int4_weights-litert.tflite")
    shutil.rmtree(quick / "artifacts/verdicts")
    assert builds.edgebake(quick, "plan", "--check").returncode == 0
    (quick / "recipes/target/climber.yaml").unlink()
    builds.run(quick, "git", "checkout", "--", "recipes", "params.yaml")
    assert builds.edgebake(quick, "build").returncode == 0


def test_what_int8_costs_is_shown_layer_by_layer_with_a_plot(quick: Path) -> None:
    said = builds.edgebake(quick, "sensitivity", "iphone_15")  # which computes in float16
    assert said.returncode == 0, said.stderr
    rows = [line.split() for line in said.stdout.splitlines()]
    assert {row[0] for row in rows if "CONV_2D" in row} == {"conv2d", *(f"conv2d_{number}" for number in range(1, 5))}
    for suffix in ("csv", "svg"):
        assert (quick / f"artifacts/sensitivity/iphone_15.{suffix}").stat().st_size > 500
    missing = builds.edgebake(quick, "sensitivity", "iphone_15", "model.width=0.5")
    assert missing.returncode == 1
    assert "prune makes it: run `dvc repro`" in missing.stderr


def test_new_calibration_data_never_meet_a_stale_model(quick: Path) -> None:
    with (quick / "pipeline/edgebake/data/sources/digits.py").open("a") as code:
        code.write('INK = ("faint", "medium", "heavy")\n')
    planned = builds.edgebake(quick, "plan").stdout
    said = builds.run(quick, sys.executable, "-m", "dvc", "status").stdout
    for stage in ("train@digits-ds_cnn", "quantize@digits-ds_cnn-int8", "validate@digits-ds_cnn-int8-litert-android"):
        assert f"{stage}:" in said
        assert f"  {stage.replace('@', '.')}: code of pipeline/edgebake/data/sources/digits.py\n" in planned
    builds.run(quick, "git", "checkout", "--", "pipeline")


def test_an_edited_comment_runs_nothing_and_edited_code_runs_what_reaches_it(quick: Path) -> None:
    with (quick / "pipeline/edgebake/stages/convert.py").open("a") as code:
        code.write("\n\n# a comment\n")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [stage for stage in builds.ran(done.stdout) if not stage.startswith(("package", "sign"))] == []
    with (quick / "pipeline/edgebake/runtimes/coreml/convert.py").open("a") as code:
        code.write("CHANGED = True\n")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    converted = {stage for stage in builds.ran(done.stdout) if stage.startswith("convert")}
    assert converted == {"convert@digits-ds_cnn-float16-coreml", "convert@digits-ds_cnn-palettized-coreml"}
    assert "code of pipeline/edgebake/runtimes/coreml/convert.py" in done.stdout
    builds.run(quick, "git", "checkout", "--", "pipeline")
    assert builds.repro(quick).returncode == 0


def test_a_corrupt_cache_entry_is_named_and_mended_as_the_message_says(quick: Path) -> None:
    quantized = quick / "artifacts/quantize/digits-ds_cnn-int8"
    digest = hashlib.md5((quantized / "scheme.json").read_bytes(), usedforsecurity=False).hexdigest()
    entry = quick / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    entry.chmod(0o644)
    entry.write_text("{}")
    entry.chmod(0o444)  # DVC takes a read-only entry at its word
    shutil.rmtree(quantized)
    with (quick / "recipes/target/pixel_8.yaml").open("a") as target:
        target.write("convert: { input: uint8 }\n")
    done = builds.repro(quick)
    assert done.returncode != 0
    assert "edgebake: artifacts/quantize/digits-ds_cnn-int8/scheme.json: not what quantize wrote" in done.stderr
    shutil.rmtree(quick / ".dvc/cache")
    shutil.rmtree(quantized)
    assert builds.repro(quick).returncode == 0
    builds.run(quick, "git", "checkout", "--", "recipes")
    assert builds.repro(quick).returncode == 0


def test_dvc_shows_parameters_metrics_plots_and_experiments(quick: Path) -> None:
    dvc = (sys.executable, "-m", "dvc")
    builds.commit(quick, "Built")
    value = "train.digits-ds_cnn.epochs=2"
    # In a folder of its own, where nothing has run yet.
    experiment = builds.run(quick, *dvc, "exp", "run", "--temp", "--set-param", value, "train")
    assert experiment.returncode == 0, experiment.stdout + experiment.stderr
    assert "nothing to change" in experiment.stdout
    experiment = builds.run(quick, *dvc, "exp", "run", "--set-param", value, "validate")
    assert experiment.returncode == 0, experiment.stdout + experiment.stderr
    parameters = builds.run(quick, *dvc, "params", "diff").stdout.splitlines()
    assert any(line.split() == ["params.yaml", "train.digits-ds_cnn.epochs", "8", "2"] for line in parameters)
    metrics = builds.run(quick, *dvc, "metrics", "diff").stdout
    assert "accuracy" in metrics
    assert "latency_p90_ms" in metrics
    assert "size_mb" in builds.run(quick, *dvc, "metrics", "show").stdout
    plots = builds.run(quick, *dvc, "plots", "show").stdout
    assert plots.strip().endswith("index.html")
    page = (quick / "dvc_plots/index.html").read_text()
    for title in ("training of digits-ds_cnn", "confusion of", "latency of"):
        assert title in page
