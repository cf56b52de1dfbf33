"""The bill of materials: valid, the same for the same bundle, and held against the files that it lists."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.bundle import components, licenses, sbom
from tests.bundle import made

DIGESTS = {path: artifacts.sha256(data) for path, data in made.FILES.items()}


@pytest.fixture(autouse=True)
def _planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made.plan(tmp_path)


def _made(content: dict[str, Any], files: dict[str, bytes], *brought: Any) -> bytes:
    section = made.section(*(brought or (made.DIGITS, made.WEIGHTS)))
    judged = licenses.apply_policy(
        components.list_components(section, content["targets"].values()), made.POLICY
    )
    return sbom.render(content, section, judged, files)


@pytest.fixture
def text() -> bytes:
    return _made(made.content(), made.FILES)


@pytest.fixture
def document(text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _model(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["metadata"]["component"]
    return model


def test_a_bill_of_a_sound_bundle_has_nothing_wrong(text: bytes) -> None:
    assert sbom.find_problems(text, DIGESTS) == []


def test_the_same_bundle_has_the_same_bill_in_whatever_order_its_files_come(text: bytes) -> None:
    assert _made(made.content(), dict(reversed(made.FILES.items()))) == text
    assert b"timestamp" not in text


@pytest.mark.parametrize("word", ["name", "version", "platform"])
def test_another_release_has_another_serial_number(word: str, document: dict[str, Any]) -> None:
    other = json.loads(_made({**made.content(), word: "ios"}, made.FILES))
    assert other["serialNumber"] != document["serialNumber"]


def test_another_model_has_another_serial_number(document: dict[str, Any]) -> None:
    other = json.loads(_made(made.content(), {**made.FILES, made.LITERT: b"TFL3 other"}))
    assert other["serialNumber"] != document["serialNumber"]


def test_every_model_is_listed_with_its_digest(document: dict[str, Any]) -> None:
    listed = {one["name"]: one["hashes"] for one in _model(document)["components"]}
    models = [path for path in made.FILES if path.startswith("models/")]
    assert listed == {
        path: [{"alg": "SHA-256", "content": artifacts.sha256(made.FILES[path])}]
        for path in sorted(models)
    }


def test_what_others_made_is_listed_with_its_license(document: dict[str, Any]) -> None:
    found = {
        one["name"]: (one["type"], one["licenses"], one.get("purl"))
        for one in document["components"]
    }
    apache, mit = [{"license": {"id": "Apache-2.0"}}], [{"license": {"id": "MIT"}}]
    assert found == {
        "Handwritten Digits": ("data", [{"license": {"id": "CC-BY-4.0"}}], None),
        "Some Weights": ("machine-learning-model", mit, None),
        "LiteRT": ("library", apache, "pkg:pypi/ai-edge-litert@2.3.0"),
        "ONNX Runtime": ("library", mit, "pkg:pypi/onnxruntime@1.32.0"),
        "edgebake": ("library", apache, None),
    }
    assert _model(document)["licenses"] == apache
    everything = sorted(one["bom-ref"] for one in document["components"])
    assert (
        next(one["dependsOn"] for one in document["dependencies"] if one["ref"] == "model")
        == everything
    )


@pytest.mark.parametrize("expression", ["MIT OR GPL-3.0-only", "Apache-2.0 WITH LLVM-exception"])
def test_a_license_of_several_is_kept_as_an_expression(expression: str) -> None:
    brought = replace(made.DIGITS, license=expression)
    text = _made(made.content(), made.FILES, brought)
    data = next(one for one in json.loads(text)["components"] if one["type"] == "data")
    assert data["licenses"][0]["expression"] == expression
    assert sbom.find_problems(text, DIGESTS) == []


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
    assert [one["slice"] for one in metrics[3:]] == [
        "linux_any, onnxruntime, host",
        *["linux_any, onnxruntime, file"] * 2,
    ]
    assert card["considerations"] == {
        "useCases": ["Reading digits."],
        "technicalLimitations": ["Nothing but digits."],
    }


Mistake = Callable[[dict[str, Any]], object]
MISTAKES: dict[str, tuple[Mistake, str]] = {
    "a data set that is not there": (
        lambda d: _model(d)["modelCard"]["modelParameters"]["datasets"].append({"ref": "data:9"}),
        "modelCard of 'digits': no component 'data:9', a data set of it",
    ),
    "an expression that is none": (
        lambda d: _model(d).update(licenses=[{"expression": "Apache2 AND MIT"}]),
        "component 'digits': license 'Apache2 AND MIT': 'Apache2' is no SPDX identifier; did you mean 'Apache-2.0'?",
    ),
    "a file of another content": (
        lambda d: _model(d)["components"][0]["hashes"][0].update(content="ab" * 32),
        "file 'models/digits-litert.labels.txt': its SHA-256 is not that of the file in the bundle",
    ),
    "a file without a digest": (
        lambda d: _model(d)["components"][0].pop("hashes"),
        "file 'models/digits-litert.labels.txt': its SHA-256 is not that of the file in the bundle",
    ),
    "a model left out": (
        lambda d: _model(d)["components"].pop(),
        "file 'models/digits-onnxruntime.onnx': in the bundle, and not listed",
    ),
    "a file that is not there": (
        lambda d: d["components"].append({"type": "file", "name": "models/other.tflite"}),
        "file 'models/other.tflite': not in the bundle",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_check_names(mistake: str, document: dict[str, Any]) -> None:
    change, message = MISTAKES[mistake]
    change(document)
    assert sbom.find_problems(json.dumps(document).encode(), DIGESTS) == [message]


def test_a_second_entry_of_a_file_hides_no_wrong_one(document: dict[str, Any]) -> None:
    components = _model(document)["components"]
    wrong = {
        **components[0],
        "bom-ref": "wrong",
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
    }
    components.insert(0, wrong)
    assert sbom.find_problems(json.dumps(document).encode(), DIGESTS) == [
        "file 'models/digits-litert.labels.txt': its SHA-256 is not that of the file in the bundle"
    ]


OUTSIDE: dict[str, Mistake] = {
    "a license nobody knows": lambda d: _model(d).update(licenses=[{"license": {"id": "Apache2"}}]),
    "a word nobody knows": lambda d: _model(d)["modelCard"].update(nope=1),
    "no kind of learning": lambda d: _model(d)["modelCard"]["modelParameters"]["approach"].update(
        type="magic"
    ),
    "another version": lambda d: d.update(specVersion="1.3"),
}


@pytest.mark.parametrize("mistake", OUTSIDE)
def test_schema_refuses(mistake: str, document: dict[str, Any]) -> None:
    OUTSIDE[mistake](document)
    (problem,) = sbom.find_problems(json.dumps(document).encode(), DIGESTS)
    assert problem.startswith("not CycloneDX 1.6: ")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"]
)
def test_what_is_no_json_is_said_to_be_none(text: bytes) -> None:
    (problem,) = sbom.find_problems(text, DIGESTS)
    assert problem.startswith("not JSON that can be read: ")


def test_a_list_is_no_bill() -> None:
    (problem,) = sbom.find_problems(b"[]", DIGESTS)
    assert problem.startswith("not CycloneDX 1.6: ")


def test_a_bill_of_nothing_lists_no_model() -> None:
    empty = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6"}).encode()
    assert sbom.find_problems(empty, {made.ONNX: DIGESTS[made.ONNX]}) == [
        f"file '{made.ONNX}': in the bundle, and not listed"
    ]
