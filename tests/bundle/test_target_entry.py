"""Which form a bundle is written in, and what the second form says."""

import json
from collections.abc import Iterator
from contextlib import chdir
from typing import Any

import numpy as np
import pytest

from edgebake.bundle import manifest, target_entry
from edgebake.bundle.tensors_of import files_of, inputs_of, outputs_of, steps_of
from edgebake.evaluation.gates.judge import judge
from edgebake.plan import planner
from edgebake.recipe.stage_params import PackageParams, Plan, read
from edgebake.runtimes.session import Inspection, Operator, Tensor
from tests import measured, second_form
from tests.signed import Signed
from tests.stages import alone

IMAGE_TARGET, MIXED = "raspberry_pi_5", "linux_any"
VARIANT = "digits-ds_cnn-int8-onnxruntime"
MEL = f"models/{VARIANT}.sound.mel.f32"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    return second_form.make(tmp_path_factory.mktemp("made"), planned)


@pytest.fixture(scope="module")
def content(made: Signed) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((made.folder / manifest.FILE).read_text())
    return content


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Iterator[PackageParams]:
    with chdir(tmp_path_factory.mktemp("section")):
        planner.write(planned)
        second_form.write_kinds()
        yield read("package", "linux")


def _packaged(
    section: PackageParams, **files: dict[str, bytes]
) -> dict[str, target_entry.PackagedTarget]:
    """Return the entries of targets whose validation left these files."""
    judgments = {}
    for name, written in files.items():
        target = section.targets[name]
        measured.lay(target.validate, "linux", files={"files/model.onnx": b"onnx", **written})
        judgments[name] = judge(target, "linux")
    targets = {name: section.targets[name] for name in files}
    return target_entry.package_targets(targets, judgments)


def _image_files() -> dict[str, bytes]:
    inspection = Inspection(
        [Tensor("image", [1, 32, 32, 1], "float32", "NHWC")],
        [Tensor("Identity", [1, 10], "float32", "NC")],
        [Operator("Conv", ("float32",))],
        {},
    )
    return {
        "contract.json": alone.CONTRACT.to_json().encode(),
        "inspection.json": json.dumps(inspection.to_dict()).encode(),
    }


def test_image_classifiers_alone_are_written_as_before(section: PackageParams) -> None:
    entry = _packaged(section, raspberry_pi_5=_image_files())[IMAGE_TARGET].entry
    assert list(entry) == [
        *("device", "accelerators", "model", "runtime", "protection", "task"),
        *("input", "output", "preprocessing", "postprocessing", "labels", "golden", "metrics"),
        *("float_reference", "gates", "waivers", "recipe_sha256", "scheme", "tools"),
    ]
    assert outputs_of(entry)[0]["name"] == "Identity"
    assert {"loss", "calibration_error"} <= entry["metrics"].keys()


def test_beside_another_task_an_image_classifier_is_written_in_the_second_form(
    section: PackageParams,
) -> None:
    packaged = _packaged(section, raspberry_pi_5=_image_files(), linux_any=second_form.files())
    image = packaged[IMAGE_TARGET]
    assert "input" not in image.entry
    (entry,) = inputs_of(image.entry)
    assert (entry["name"], entry["kind"], entry["raw"]) == ("image", "image", {"form": "png"})
    assert [step["step"] for step in entry["preprocessing"]] == [
        *("decode", "resize", "normalize", "layout")
    ]
    # By the contract's name, which golden vectors have too.
    assert outputs_of(image.entry)[0]["name"] == "probabilities"
    assert {"accuracy_drop", "expected_calibration_error"} <= image.entry["metrics"].keys()
    vectors = json.loads(image.files[image.entry["golden"]])
    assert vectors["format"] == "edgebake.golden/1"
    other = packaged[MIXED]
    assert json.loads(other.files[other.entry["golden"]])["format"] == "edgebake.golden/2"


def test_every_input_has_its_steps_and_its_tensor(content: dict[str, Any]) -> None:
    assert content["schema"] == "edgebake.manifest/2"
    sound, moved, text = inputs_of(content["targets"][IMAGE_TARGET])
    assert [entry["name"] for entry in (sound, moved, text)] == ["sound", "moved", "text"]
    assert [entry["raw"]["form"] for entry in (sound, moved, text)] == ["pcm16", "float32", "utf8"]
    assert sound["preprocessing"][-1] == {
        "step": "quantize",
        "dtype": "int8",
        "scale": 0.05,
        "zero_point": 3,
    }
    assert moved["preprocessing"] == second_form.MOTION
    assert text["preprocessing"] == second_form.WORDS
    assert text["tensor"]["dtype"] == "int32"


def test_large_constants_are_a_file_of_the_bundle(made: Signed, content: dict[str, Any]) -> None:
    target = content["targets"][IMAGE_TARGET]
    matrix = [step for step in steps_of(target) if step["step"] == "matrix"]
    assert matrix == [{"step": "matrix", "file": MEL, "rows": 65, "columns": 4}]
    assert files_of(target) == [f"golden/{VARIANT}.json", MEL, f"models/{VARIANT}.labels.txt"]
    written = (made.folder / MEL).read_bytes()
    assert np.array_equal(np.frombuffer(written, "<f4").reshape(65, 4), second_form.MEL)
    assert MEL in {file["path"] for file in content["files"]}
    assert MEL in (made.folder / "sbom.cdx.json").read_text()


def test_metrics_and_gates_have_the_names_of_the_recipe(content: dict[str, Any]) -> None:
    target = content["targets"][IMAGE_TARGET]
    assert target["score"] == "accuracy"
    assert {"accuracy", "float_accuracy", "accuracy_drop"} <= target["metrics"].keys()
    assert "accuracy_drop" in [gate["gate"] for gate in target["gates"]]
    assert not {"loss", "calibration_error"} & target["metrics"].keys()
    assert "speedup" not in target["metrics"]


def test_golden_vectors_have_the_answer(made: Signed) -> None:
    vectors = json.loads((made.folder / f"golden/{VARIANT}.json").read_text())
    assert [example["answer"][0]["label"] for example in vectors["examples"]] == ["0", "1"]
    made_by_validate = second_form.golden()
    for example in vectors["examples"]:
        del example["answer"]
    assert vectors == made_by_validate


def test_the_card_says_the_steps_of_each_input(made: Signed) -> None:
    card = (made.folder / "MODEL_CARD.md").read_text().replace("\\", "")
    assert "; text: utf8 (normal_form none), then bytes (plus 1, length 8, keep first, pad 0)" in (
        card
    )
    assert "- accuracy_drop: float_accuracy minus accuracy" in card


def test_the_sbom_lists_every_tensor(made: Signed) -> None:
    sbom = json.loads((made.folder / "sbom.cdx.json").read_text())
    parameters = sbom["metadata"]["component"]["modelCard"]["modelParameters"]
    assert parameters["inputs"] == [
        {"format": "float32 [1, 16, 2] values"},
        {"format": "int32 [1, 8] values"},
        {"format": "int8 [1, 8, 4, 1] values"},
    ]
    assert parameters["outputs"] == [{"format": "int8 [1, 10] NC"}]
