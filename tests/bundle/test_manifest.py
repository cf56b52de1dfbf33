"""The manifest: what it says of a bundle, and which mistakes its schema refuses."""

import json
from collections.abc import Callable, Iterator
from contextlib import chdir
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from edgebake import artifacts
from edgebake.bundle import manifest, processing_steps, target_entry
from edgebake.bundle.json_schema import SchemaError
from edgebake.bundle.manifest_types import LicenseEntry, ManifestBody, SourceEntry
from edgebake.evaluation.gates.judge import judge
from edgebake.plan import planner
from edgebake.recipe import Waiver
from edgebake.recipe.stage_params import PackageParams, Plan, TargetParams, read
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.session import IMAGE, Inspection, Operator, Tensor
from tests import measured
from tests.bundle import small
from tests.contracts import image_contract, with_image

COMMIT: SourceEntry = {"git_commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False}
REVISION = cast("SourceEntry", {**COMMIT, "expired_waivers": ["pixel_8: loss until 2026-01-31"]})
LABELS = ["zero", "one"]
INSPECTION = Inspection(
    [Tensor("image", [1, 32, 32, 1], "int8", "NHWC", scale=1 / 127.5, zero_point=-1)],
    [Tensor("probabilities", [1, 2], "int8", "NC", scale=1 / 256, zero_point=-128)],
    [Operator("CONV_2D", ("int8",))],
    {"int8": 3},
)
EXECUTED = {
    "accuracy": measured.share(970, 1000, LABEL),
    "accuracy_float32_arithmetic": measured.share(975, 1000, LABEL),
    "agreement_float32_arithmetic": measured.share(990, 1000, LABEL),
}
CORE_ML = "digits-ds_cnn-float16-coreml"
PACKAGE = {
    "model.mlpackage/Data/com.apple.CoreML/model.mlmodel": b"m",
    "model.mlpackage/Manifest.json": b"{}",
}
LICENSE: LicenseEntry = {
    "kind": "model",
    "name": "digits",
    "license": "Apache-2.0",
    "source": "",
    "decision": "allow",
}
WAIVER = {"gate": "size_mb", "reason": "one release", "by": "Ada", "until": "2999-12-31"}
STEADY = [
    *("size_mb", "float_accuracy", "accuracy", "agreement_with_float", "loss", "calibration_error"),
    *("macs", "parameters", "activation_peak_mb"),
]


def _validated(
    target: TargetParams, files: dict[str, bytes], inspection: Inspection = INSPECTION, **found: Any
) -> target_entry.PackagedTarget:
    """Return the entry of a target whose validation left these files and findings."""
    agreed = image_contract(
        "classification", 32, 32, "grayscale", "none", "bilinear", [127.5], [1 / 127.5], LABELS
    )
    platform = target.device.platform.value
    written = {
        "contract.json": agreed.to_json().encode(),
        "inspection.json": json.dumps(inspection.to_dict()).encode(),
        **{f"files/{name}": content for name, content in files.items()},
    }
    measured.lay(target.validate, platform, files=written, **found)
    return target_entry.package_targets({"it": target}, {"it": judge(target, platform)})["it"]


def _made(
    section: PackageParams, platform: str, **entries: target_entry.PackagedTarget
) -> dict[str, Any]:
    """Return an unsigned manifest of these targets and their files."""
    files = {path: data for entry in entries.values() for path, data in entry.files.items()}
    body: ManifestBody = {
        **manifest.compose_head(
            section,
            platform,
            {name: packaged.entry for name, packaged in entries.items()},
            REVISION,
        ),
        "signature": "unsigned",
        "licenses": [LICENSE],
    }
    made: dict[str, Any] = json.loads(manifest.render(body, files, {}))
    return made


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Iterator[PackageParams]:
    with chdir(tmp_path_factory.mktemp("bundle")):
        planner.write(planned)
        yield read("package", "android")


@pytest.fixture(scope="module")
def entry(section: PackageParams) -> target_entry.PackagedTarget:
    return _validated(section.targets["pixel_8"], {"model.tflite": b"TFL3 model"})


@pytest.fixture(scope="module")
def content(section: PackageParams, entry: target_entry.PackagedTarget) -> dict[str, Any]:
    return _made(section, "android", pixel_8=entry)


def test_a_real_manifest_is_one(content: dict[str, Any]) -> None:
    manifest.validate(content)
    assert content["schema"] == "edgebake.manifest/1"
    assert (content["name"], content["platform"], content["source"]) == (
        "digits",
        "android",
        COMMIT,
    )


def test_every_file_is_listed_with_its_digest_and_size(content: dict[str, Any]) -> None:
    model = "models/digits-ds_cnn-int8-litert.tflite"
    labels = "models/digits-ds_cnn-int8-litert.labels.txt"
    assert content["files"][1:] == [
        {"path": labels, "sha256": artifacts.sha256(b"zero\none\n"), "size": 9},
        {"path": model, "sha256": artifacts.sha256(b"TFL3 model"), "size": 10},
    ]
    assert content["files"][0]["path"] == content["targets"]["pixel_8"]["golden"]
    assert content["targets"]["pixel_8"]["model"] == model


def test_an_app_finds_what_to_feed_and_what_comes_out(content: dict[str, Any]) -> None:
    target = content["targets"]["pixel_8"]
    assert target["preprocessing"] == [
        {"step": "decode", "colour": "grey"},
        {"step": "resize", "width": 32, "height": 32, "filter": "bilinear", "antialias": True},
        {"step": "normalize", "mean": 127.5, "scale": 1 / 127.5},
        {"step": "quantize", "dtype": "int8", "scale": 1 / 127.5, "zero_point": -1},
        {"step": "layout", "layout": "NHWC"},
    ]
    assert target["postprocessing"] == [
        {"step": "dequantize", "scale": 1 / 256, "zero_point": -128},
        {
            "step": "top_k",
            "k": 3,
            "threshold": 0.5,
            "labels": "models/digits-ds_cnn-int8-litert.labels.txt",
        },
    ]
    assert target["labels"] == LABELS
    assert (target["input"]["dtype"], target["input"]["zero_point"]) == ("int8", -1)
    assert target["output"]["scale"] == 1 / 256


def test_what_changes_from_run_to_run_is_left_out(content: dict[str, Any]) -> None:
    target = content["targets"]["pixel_8"]
    assert list(target["metrics"]) == STEADY
    assert target["gates"][4] == {"gate": "speedup", "at_least": 0.5, "confidence": 0.95} | {
        "verdict": "let through by what was timed"
    }
    assert "2.0" not in json.dumps(target["gates"])


def test_a_number_says_what_was_measured_how_sure_it_is_and_nothing_of_the_machine(
    content: dict[str, Any],
) -> None:
    metrics = content["targets"]["pixel_8"]["metrics"]
    assert metrics["accuracy"] == {
        "value": 0.97,
        "unit": "share",
        "where": "host",
        "interval": measured.metrics()["accuracy"].interval,
        "n": 1000,
        "runtime": "some runtime 1.0",
        "threads": 1,
        "sha256": measured.SHA256,
    }
    assert metrics["size_mb"] == {
        "value": 0.04,
        "unit": "MB",
        "where": "file",
        "sha256": measured.SHA256,
    }


def test_every_gate_says_how_sure_one_had_to_be(content: dict[str, Any]) -> None:
    gates = content["targets"]["pixel_8"]["gates"]
    assert [gate["gate"] for gate in gates] == [
        *("accuracy", "loss", "class_accuracy", "parity", "speedup", "latency_p90_ms", "size_mb")
    ]
    assert {gate["confidence"] for gate in gates} == {0.95}
    assert content["targets"]["pixel_8"]["waivers"] == []


def test_a_waiver_stands_beside_its_gate_and_among_all(section: PackageParams) -> None:
    target = replace(section.targets["android_any"], waivers=[Waiver(**WAIVER)])
    entry = _validated(target, {"model.tflite": b"TFL3 model"}, size_mb=20.5)
    content = _made(section, "android", android_any=entry)
    found = content["targets"]["android_any"]
    assert found["waivers"] == [WAIVER]
    assert found["gates"][-1] == {
        "gate": "size_mb",
        "at_most": 20.0,
        "confidence": 0.95,
        "verdict": "waived",
        "waiver": WAIVER,
    }


def test_recipe_and_tools_are_those_of_the_plan(content: dict[str, Any], planned: Plan) -> None:
    target = content["targets"]["pixel_8"]
    assert (
        target["recipe_sha256"]
        == planned["package"]["android"]["targets"]["pixel_8"]["recipe_sha256"]
    )
    assert "tensorflow" in target["tools"]
    assert "coremltools" not in target["tools"]


def test_a_core_ml_package_is_named_by_its_folder(section: PackageParams) -> None:
    target = _validated(section.targets["pixel_8"], PACKAGE)
    assert target.entry["model"] == "models/digits-ds_cnn-int8-litert.mlpackage"
    assert "models/digits-ds_cnn-int8-litert.mlpackage/Manifest.json" in target.files


def _of_an_iphone(planned: Plan, **words: Any) -> dict[str, Any]:
    """Return the manifest of a Core ML package, some of whose words were replaced."""
    planned = deepcopy(planned)
    planned["convert"][CORE_ML]["coreml"] |= words
    planner.write(planned)
    section: PackageParams = read("package", "ios")
    image = replace(INSPECTION, inputs=[Tensor("image", [1, 32, 32, 1], IMAGE, "NHWC")])
    entry = _validated(section.targets["iphone_15"], PACKAGE, image, **EXECUTED)
    return _made(section, "ios", iphone_15=entry)


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_elsewhere")
def test_a_core_ml_package_scales_by_itself_and_takes_one_size(planned: Plan) -> None:
    found = _of_an_iphone(planned)["targets"]["iphone_15"]["preprocessing"]
    assert [step["step"] for step in found] == ["decode", "resize"]
    assert not {"resolutions", "resolution_range"} & set(found[1])


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize(
    "words",
    [{"resolutions": [24, 48]}, {"resolution_range": {"smallest": 24, "largest": 96}}],
    ids=["list", "range"],
)
def test_an_app_finds_the_other_sizes_of_image_that_a_package_takes(
    planned: Plan, words: dict[str, Any]
) -> None:
    content = _of_an_iphone(planned, **words)
    manifest.validate(content)
    found = content["targets"]["iphone_15"]["preprocessing"][1]
    assert {word: found[word] for word in words} == words
    assert (found["width"], found["height"]) == (32, 32)


@pytest.mark.usefixtures("_elsewhere")
def test_what_the_executor_found_is_kept_and_labelled(planned: Plan) -> None:
    content = _of_an_iphone(planned)
    manifest.validate(content)
    metrics = content["targets"]["iphone_15"]["metrics"]
    assert list(metrics) == [*STEADY, "accuracy_float32_arithmetic", "agreement_float32_arithmetic"]
    assert metrics["accuracy"]["where"] == "executed on Linux (edgebake's ML Program executor)"
    assert metrics["float_accuracy"]["where"] == "host"


def test_two_targets_with_one_model_list_it_once(
    section: PackageParams, entry: target_entry.PackagedTarget
) -> None:
    both = _made(section, "android", pixel_8=entry, pixel_7=entry)
    assert (len(both["targets"]), len(both["files"])) == (2, len(entry.files))
    assert both["chain"] == ["pixel_8", "pixel_7"]


def _target(content: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = content["targets"]["pixel_8"]
    return target


def test_blue_first_and_numbers_of_each_channel_are_of_the_schema(content: dict[str, Any]) -> None:
    changed = deepcopy(content)
    _target(changed)["preprocessing"][0].update(colour="bgr")
    _target(changed)["preprocessing"][2].update(mean=[104, 117, 123], scale=[0.1, 0.2, 0.3])
    manifest.validate(changed)


@pytest.mark.parametrize(
    "options", [{"antialias": False}, {"crop": "center", "short_side": 40}], ids=str
)
def test_every_way_of_resizing_is_of_the_schema(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    changed = deepcopy(content)
    agreed = with_image(small.contract(), **options)
    tensor = _target(changed)["input"]
    steps = processing_steps.preprocessing(agreed.single_input, tensor, {})
    _target(changed)["preprocessing"] = steps
    manifest.validate(changed)
    for step in steps:
        if step["step"] == "interpolate":
            step["antialias"] = True
        step.pop("short_side", None)
    with pytest.raises(SchemaError):
        manifest.validate(changed)


MUTATIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another schema": lambda m: m.update(schema="edgebake.manifest/2"),
    "a key nobody knows": lambda m: m.update(author_email="someone"),
    "no licence": lambda m: m.pop("license"),
    "a platform nobody knows": lambda m: m.update(platform="windows"),
    "a branch for a commit": lambda m: m["source"].update(git_commit="main"),
    "no targets": lambda m: m.update(targets={}),
    "no files": lambda m: m.update(files=[]),
    "a path that leaves the bundle": lambda m: m["files"][0].update(path="models/../../labels.txt"),
    "a path from the root": lambda m: _target(m).update(model="/models/a.tflite"),
    "a digest cut short": lambda m: m["files"][0].update(sha256="abc"),
    "a negative size": lambda m: m["files"][0].update(size=-1),
    "an accelerator nobody knows": lambda m: _target(m).update(accelerators=["tpu"]),
    "a tensor without its zero point": lambda m: _target(m)["input"].pop("zero_point"),
    "an empty dimension": lambda m: _target(m)["input"].update(shape=[1, 0, 32, 1]),
    "a size of nothing": lambda m: _target(m)["preprocessing"][1].update(resolutions=[24, 0]),
    "a range without an end": lambda m: _target(m)["preprocessing"][1].update(
        resolution_range={"smallest": 24}
    ),
    "a scale of zero": lambda m: _target(m)["preprocessing"][2].update(scale=0),
    "a scale of zero of one channel": lambda m: _target(m)["preprocessing"][2].update(
        scale=[1, 0, 1]
    ),
    "a mean of two channels": lambda m: _target(m)["preprocessing"][2].update(mean=[1, 2]),
    "channels in an order nobody knows": lambda m: _target(m)["preprocessing"][0].update(
        colour="gbr"
    ),
    "a step nobody knows": lambda m: _target(m)["preprocessing"][2].update(step="blur"),
    "a step with another's words": lambda m: _target(m)["preprocessing"][0].update(mean=0),
    "no steps": lambda m: _target(m).update(postprocessing=[]),
    "no labels": lambda m: _target(m).update(labels=[]),
    "a threshold in percent": lambda m: _target(m)["postprocessing"][1].update(threshold=50),
    "a system without a number": lambda m: _target(m)["device"].update(minimum_os="Debian 12"),
    "no rule about features": lambda m: _target(m)["device"].pop("features"),
    "a target that is there twice": lambda m: m.update(chain=["pixel_8", "pixel_8"]),
    "no chain": lambda m: m.update(chain=[]),
    "a signature by nobody": lambda m: m.update(signature=""),
    "a signature of another kind": lambda m: m.update(
        signature={"algorithm": "rsa", "key_id": "ab" * 32}
    ),
    "a license that is denied": lambda m: m["licenses"][0].update(decision="deny"),
    "nothing that it is made from": lambda m: m.update(licenses=[]),
    "a protection nobody knows": lambda m: _target(m).update(protection="hide"),
    "encryption without a key": lambda m: m["files"][0].update(
        encryption={"scheme": "tink-aes256-gcm-hkdf-1mb"}
    ),
    "a path with a blank": lambda m: m["files"][0].update(path="models/a b"),
    "accuracy left out": lambda m: _target(m)["metrics"].pop("accuracy"),
    "a number from an unknown place": lambda m: _target(m)["metrics"]["loss"].update(
        where="pixel_8"
    ),
    "a clock": lambda m: _target(m)["metrics"]["accuracy"].update(governor="performance"),
    "half an interval": lambda m: _target(m)["metrics"]["accuracy"].update(interval=[0.96]),
    "a file's digest cut short": lambda m: _target(m)["metrics"]["size_mb"].update(sha256="ab"),
    "a gate that was missed": lambda m: _target(m)["gates"][0].update(verdict="failed"),
    "a gate that could not be decided": lambda m: _target(m)["gates"][0].update(
        verdict="inconclusive"
    ),
    "a gate without its confidence": lambda m: _target(m)["gates"][0].pop("confidence"),
    "a gate that a coin would pass": lambda m: _target(m)["gates"][0].update(confidence=0.4),
    "no waivers": lambda m: _target(m).pop("waivers"),
    "a waiver without a reason": lambda m: _target(m).update(waivers=[{**WAIVER, "reason": ""}]),
    "a waiver by nobody": lambda m: _target(m).update(waivers=[{**WAIVER, "by": ""}]),
    "a waiver until further notice": lambda m: _target(m)["gates"][0].update(
        waiver={**WAIVER, "until": "later"}
    ),
    "a gate without a limit": lambda m: _target(m)["gates"][0].pop("at_least"),
    "a gate with two limits": lambda m: _target(m)["gates"][0].update(at_most=1),
}


@pytest.mark.parametrize("dtype", ["dictionary of label to probability", "float16", "image"])
def test_outputs_have_the_types_of_every_runtime(content: dict[str, Any], dtype: str) -> None:
    changed = deepcopy(content)
    _target(changed)["output"]["dtype"] = dtype
    manifest.validate(changed)


@pytest.mark.parametrize("mistake", MUTATIONS)
def test_schema_refuses(content: dict[str, Any], mistake: str) -> None:
    changed = deepcopy(content)
    MUTATIONS[mistake](changed)
    with pytest.raises(SchemaError):
        manifest.validate(changed)
