"""Package judges what validate wrote: a bundle that is the same for the same findings, or a table and no bundle."""

import json
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pipeline import artifacts, plan
from pipeline.bundle import manifest
from pipeline.compose import Composed
from pipeline.errors import ArtifactError, GateError
from pipeline.measurement import Measurement, not_measured
from pipeline.recipe import Ceiling, Floor, Release
from pipeline.tensors import Inspection, Operator, Tensor
from tests.stages import alone

COMMIT = {"git_commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False}
LINUX = "digits-ds_cnn-int8-onnxruntime"
ANDROID = {
    "digits-ds_cnn-int8-litert": b"TFL3 int8",
    "digits-ds_cnn-channels-int8-litert": b"TFL3 half in int8",
    "digits-ds_cnn-float16-litert": b"TFL3 float16",
}
IOS = ("digits-ds_cnn-float16-coreml", "digits-ds_cnn-palettized-coreml")
BUNDLE = artifacts.folder("package", "linux")
REASON = "no such device here"
INSPECTION = Inspection(
    Tensor("image", [1, 32, 32, 1], "float32", "NHWC"),
    Tensor("probabilities", [1, 10], "float32", "NC"),
    [Operator("Conv", ("int8",))],
    {"int8": 3},
)
REFUSED_LINUX = """\
linux: no bundle, 2 of 4 gates not passed
  target           gate             asked           measured   where                       verdict
 ──────────────────────────────────────────────────────────────────────────────────────────────────
  raspberry_pi_5   accuracy         at least 0.95   0.9481     host (some CPU, 1 thread)   failed
  raspberry_pi_5   latency_p95_ms   at most 50      50.5 ms    host (some CPU, 1 thread)   failed"""


def _metrics(**found: float | None) -> dict[str, Any]:
    """Return sound findings, some of them replaced; none stands for not measured."""
    values = {
        "size_mb": 0.04,
        "float_accuracy": 0.98,
        "accuracy": 0.97,
        "loss": 0.01,
        "latency_p95_ms": 0.2,
        "frames_per_second": 6000.0,
        "peak_memory_mb": 3.5,
    }
    units = {"size_mb": "MB", "latency_p95_ms": "ms", "frames_per_second": "1/s", "peak_memory_mb": "MB"}
    return {name: _measurement(value, units.get(name, "share")) for name, value in {**values, **found}.items()}


def _measurement(value: float | None, unit: str) -> dict[str, Any]:
    if value is None:
        return not_measured(unit, REASON).to_dict()
    return Measurement(value, unit, "host", "some CPU", threads=1, n=540).to_dict()


def _validated(platform: str, convert: str, files: dict[str, bytes], **found: float | None) -> None:
    """Lay out what validate writes of one converted file."""
    report = {"variant": f"{convert}-{platform}", "convert": convert, "metrics": _metrics(**found)}
    written = {
        "inspection.json": json.dumps(INSPECTION.to_dict()).encode(),
        "report.json": json.dumps(report).encode(),
        **{f"files/{name}": content for name, content in files.items()},
    }
    alone.lay(artifacts.folder("validate", f"{convert}-{platform}", platform), written)


def _linux(**found: float | None) -> None:
    _validated("linux", LINUX, {"model.onnx": b"an onnx model"}, **found)


def _android(**found: float | None) -> None:
    for convert, content in ANDROID.items():
        _validated("android", convert, {"model.tflite": content}, **found)


def _ios(**found: float | None) -> None:
    package = {"model.mlpackage/Data/weight.bin": b"weights", "model.mlpackage/Manifest.json": b"{}"}
    for convert in IOS:
        _validated("ios", convert, package, **found)


@pytest.fixture(autouse=True)
def _committed(params: Path) -> None:
    for platform in ("android", "ios", "linux"):
        artifacts.write(artifacts.ROOT / "revision" / f"{platform}.json", json.dumps(COMMIT).encode())


@pytest.fixture
def lenient(params: Path, release: Release, composed: dict[str, Composed]) -> None:
    """A plan of one iPhone whose recipe accepts that accuracy and speed are not measured."""
    iphone = deepcopy(composed["iphone_15"])
    budget = iphone.recipe.validate.budget
    budget.accuracy = Floor(at_least=0.95, required=False)
    budget.latency_p95_ms = Ceiling(at_most=50, required=False)
    budget.frames_per_second = Floor(at_least=30, required=False)
    plan.write(plan.merge(release, [iphone]))


def test_a_bundle_is_its_models_their_labels_and_a_manifest() -> None:
    _linux()
    ran = alone.run("package", "linux")
    assert ran.line == "1 target, artifacts/package/linux.zip"
    assert ran.files()[f"models/{LINUX}.onnx"] == b"an onnx model"
    assert ran.files()[f"models/{LINUX}.labels.txt"] == b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    assert sorted(ran.files()) == ["manifest.json", f"models/{LINUX}.labels.txt", f"models/{LINUX}.onnx"]


def test_the_manifest_is_valid_and_lists_what_lies_there() -> None:
    _linux()
    ran = alone.run("package", "linux")
    content = ran.json("manifest.json")
    manifest.validate(content)
    assert content["source"] == COMMIT
    listed = {file["path"]: (file["sha256"], file["size"]) for file in content["files"]}
    lying = {name: (artifacts.sha256(data), len(data)) for name, data in ran.files().items() if name != manifest.FILE}
    assert listed == lying
    assert content["targets"]["raspberry_pi_5"]["metrics"]["accuracy"]["value"] == 0.97


def test_every_target_of_a_platform_is_in_its_bundle() -> None:
    _android()
    ran = alone.run("package", "android")
    assert ran.line == "3 targets, artifacts/package/android.zip"
    models = {name: target["model"] for name, target in ran.json("manifest.json")["targets"].items()}
    assert {name: ran.files()[model] for name, model in models.items()} == {
        "pixel_8": b"TFL3 int8",
        "galaxy_a14": b"TFL3 half in int8",
        "android_any": b"TFL3 float16",
    }


def test_a_missed_gate_is_refused_with_its_table_and_leaves_nothing() -> None:
    _linux(accuracy=512 / 540, latency_p95_ms=50.5)
    with pytest.raises(GateError) as refused:
        alone.run("package", "linux")
    assert str(refused.value) == REFUSED_LINUX
    assert artifacts.read_files(artifacts.ROOT / "package") == {}


def test_one_bad_target_holds_back_the_whole_platform() -> None:
    _android()
    _validated("android", "digits-ds_cnn-int8-litert", {"model.tflite": b"TFL3 int8"}, size_mb=20.5)
    with pytest.raises(GateError, match=r"^android: no bundle, 1 of 12 gates not passed\n") as refused:
        alone.run("package", "android")
    assert " ".join(str(refused.value).splitlines()[-1].split()) == (
        "pixel_8 size_mb at most 20 20.5 MB host (some CPU, 1 thread) failed"
    )


def test_what_was_not_measured_is_refused_where_it_is_required() -> None:
    _linux(latency_p95_ms=None)
    with pytest.raises(GateError, match=f"latency_p95_ms +at most 50 +not measured +{REASON} +not measured$"):
        alone.run("package", "linux")


def test_what_was_not_measured_is_accepted_where_the_recipe_says_so(lenient: None) -> None:
    _ios(accuracy=None, loss=None, latency_p95_ms=None, frames_per_second=None, peak_memory_mb=None)
    target = alone.run("package", "ios").json("manifest.json")["targets"]["iphone_15"]
    assert [(gate["gate"], gate["verdict"]) for gate in target["gates"]] == [
        ("accuracy", "not measured, accepted by the recipe"),
        ("latency_p95_ms", "not measured, accepted by the recipe"),
        ("frames_per_second", "not measured, accepted by the recipe"),
        ("size_mb", "passed"),
    ]
    assert target["metrics"]["accuracy"]["reason"] == REASON


def test_a_gate_that_need_not_be_measured_is_still_held_against_a_number(lenient: None) -> None:
    _ios(latency_p95_ms=50.5)
    with pytest.raises(GateError, match=r"latency_p95_ms +at most 50 +50\.5 ms .* failed$"):
        alone.run("package", "ios")


def test_speed_without_a_gate_need_not_be_measured_and_accuracy_must_be() -> None:
    _ios(latency_p95_ms=None, frames_per_second=None, peak_memory_mb=None)
    targets = alone.run("package", "ios").json("manifest.json")["targets"]
    assert list(targets) == ["iphone_15", "iphone_se_3"]
    for target in targets.values():
        assert [(gate["gate"], gate["verdict"]) for gate in target["gates"]] == [
            ("accuracy", "passed"),
            ("size_mb", "passed"),
        ]
    _ios(accuracy=None, latency_p95_ms=None, frames_per_second=None, peak_memory_mb=None)
    with pytest.raises(GateError, match=r"^ios: no bundle, 2 of 4 gates not passed\n"):
        alone.run("package", "ios")


def test_the_zip_holds_the_folder_and_its_sums() -> None:
    _ios()
    ran = alone.run("package", "ios")
    with zipfile.ZipFile(BUNDLE.with_name("ios.zip")) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == artifacts.read_files(ran.folder)
        assert artifacts.SUMS in archive.namelist()


def test_other_timings_change_nothing_but_the_measurements_beside_the_bundle() -> None:
    _linux(latency_p95_ms=0.2, frames_per_second=6000.0, peak_memory_mb=3.5)
    first = alone.run("package", "linux")
    bundle, archive = artifacts.read_files(first.folder), BUNDLE.with_name("linux.zip").read_bytes()
    _linux(latency_p95_ms=0.9, frames_per_second=1200.0, peak_memory_mb=4.5)
    alone.run("package", "linux")
    assert artifacts.read_files(BUNDLE) == bundle
    assert BUNDLE.with_name("linux.zip").read_bytes() == archive
    beside = json.loads(BUNDLE.with_name("linux.measurements.json").read_text())
    assert beside == {"raspberry_pi_5": _metrics(latency_p95_ms=0.9, frames_per_second=1200.0, peak_memory_mb=4.5)}


def test_another_accuracy_is_another_bundle() -> None:
    _linux(accuracy=0.97)
    first = alone.run("package", "linux").files()
    _linux(accuracy=0.96)
    second = alone.run("package", "linux").files()
    assert [name for name in first if first[name] != second[name]] == [manifest.FILE]


def test_a_report_that_was_edited_is_not_judged() -> None:
    _linux(accuracy=0.5)
    report = artifacts.folder("validate", f"{LINUX}-linux", "linux") / "report.json"
    report.write_text(report.read_text().replace("0.5", "0.99"))
    with pytest.raises(ArtifactError, match=r"report\.json: not what validate wrote"):
        alone.run("package", "linux")
