"""The bill of materials: valid, and the same for the same bundle."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.bundle import components, license_policy, sbom
from edgebake.bundle.manifest_types import ManifestBody
from edgebake.bundle.trust import sbom_check
from edgebake.recipe.data import ImportedComponent
from tests.bundle import made

DIGESTS = {path: artifacts.sha256(data) for path, data in made.FILES.items()}


@pytest.fixture(autouse=True)
def _planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made.plan(tmp_path)


def _render(
    body: ManifestBody,
    files: dict[str, bytes],
    imported: Sequence[ImportedComponent] = (made.DIGITS, made.WEIGHTS),
) -> bytes:
    section = made.section(*imported)
    listed = components.list_components(section, body["targets"].values())
    licensed = license_policy.apply_policy(listed, made.POLICY)
    return sbom.render(body, section, licensed, files)


@pytest.fixture
def text() -> bytes:
    return _render(made.content(), made.FILES)


@pytest.fixture
def document(text: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    return document


def _model(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["metadata"]["component"]
    return model


def test_a_bill_of_a_sound_bundle_has_nothing_wrong(text: bytes) -> None:
    assert sbom_check.find_problems(text, DIGESTS) == []


def test_the_same_bundle_has_the_same_bill_in_whatever_order_its_files_come(text: bytes) -> None:
    assert _render(made.content(), dict(reversed(made.FILES.items()))) == text
    assert b"timestamp" not in text


@pytest.mark.parametrize("word", ["name", "version", "platform"])
def test_another_release_has_another_serial_number(word: str, document: dict[str, Any]) -> None:
    changed = json.loads(_render(made.content() | {word: "ios"}, made.FILES))
    assert changed["serialNumber"] != document["serialNumber"]


def test_another_model_has_another_serial_number(document: dict[str, Any]) -> None:
    changed = json.loads(_render(made.content(), {**made.FILES, made.LITERT: b"TFL3 other"}))
    assert changed["serialNumber"] != document["serialNumber"]


def test_every_model_is_listed_with_its_digest(document: dict[str, Any]) -> None:
    listed = {file["name"]: file["hashes"] for file in _model(document)["components"]}
    models = [path for path in made.FILES if path.startswith("models/")]
    assert listed == {
        path: [{"alg": "SHA-256", "content": artifacts.sha256(made.FILES[path])}]
        for path in sorted(models)
    }


def test_what_others_made_is_listed_with_its_license(document: dict[str, Any]) -> None:
    listed = {
        component["name"]: (component["type"], component["licenses"], component.get("purl"))
        for component in document["components"]
    }
    apache, mit = [{"license": {"id": "Apache-2.0"}}], [{"license": {"id": "MIT"}}]
    assert listed == {
        "Handwritten Digits": ("data", [{"license": {"id": "CC-BY-4.0"}}], None),
        "Some Weights": ("machine-learning-model", mit, None),
        "LiteRT": ("library", apache, "pkg:pypi/ai-edge-litert@2.3.0"),
        "ONNX Runtime": ("library", mit, "pkg:pypi/onnxruntime@1.32.0"),
        "edgebake": ("library", apache, None),
    }
    assert _model(document)["licenses"] == apache
    references = sorted(component["bom-ref"] for component in document["components"])
    (of_model,) = [entry for entry in document["dependencies"] if entry["ref"] == "model"]
    assert of_model["dependsOn"] == references


@pytest.mark.parametrize("expression", ["MIT OR GPL-3.0-only", "Apache-2.0 WITH LLVM-exception"])
def test_a_license_of_several_is_kept_as_an_expression(expression: str) -> None:
    changed = replace(made.DIGITS, license=expression)
    text = _render(made.content(), made.FILES, [changed])
    components = json.loads(text)["components"]
    data = next(component for component in components if component["type"] == "data")
    assert data["licenses"][0]["expression"] == expression
    assert sbom_check.find_problems(text, DIGESTS) == []


def test_the_model_card_says_what_was_measured_and_where(document: dict[str, Any]) -> None:
    card = _model(document)["modelCard"]
    assert card["modelParameters"] == {
        "approach": {"type": "supervised"},
        "task": "classification",
        "architectureFamily": "ds_cnn",
        "datasets": [{"ref": "data:1"}],
        "inputs": [{"format": "int8 [1, 32, 32, 1] NHWC"}],
        "outputs": [{"format": "int8 [1, 2] NC"}],
    }
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    assert metrics[0] == {
        "type": "accuracy",
        "value": "0.97",
        "slice": "pixel_8, litert, host",
        "confidenceInterval": {"lowerBound": "0.957", "upperBound": "0.98"},
    }
    assert metrics[1] == {"type": "size_mb", "value": "0.04", "slice": "pixel_8, litert, file"}
    assert [metric["slice"] for metric in metrics[3:]] == [
        "linux_any, onnxruntime, host",
        *["linux_any, onnxruntime, file"] * 2,
    ]
    assert card["considerations"] == {
        "useCases": ["Reading digits."],
        "technicalLimitations": ["Nothing but digits."],
    }
