"""An SBOM of an untrusted bundle: valid, without dangling references, and of its files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.bundle import components, license_policy, sbom
from edgebake.bundle.trust import sbom_check
from tests.bundle import made

DIGESTS = {path: artifacts.sha256(data) for path, data in made.FILES.items()}


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    made.plan(tmp_path)
    section = made.section(made.DIGITS, made.WEIGHTS)
    body = made.content()
    listed = components.list_components(section, body["targets"].values())
    licensed = license_policy.apply_policy(listed, made.POLICY)
    document: dict[str, Any] = json.loads(sbom.render(body, section, licensed, made.FILES))
    return document


def _model(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["metadata"]["component"]
    return model


Mistake = Callable[[dict[str, Any]], object]
MISTAKES: dict[str, tuple[Mistake, str]] = {
    "a data set that is not there": (
        lambda d: _model(d)["modelCard"]["modelParameters"]["datasets"].append({"ref": "data:9"}),
        "modelCard of 'digits': no component 'data:9', a dataset of it",
    ),
    "an expression that is none": (
        lambda d: _model(d).update(licenses=[{"expression": "Apache2 AND MIT"}]),
        "component 'digits': license 'Apache2 AND MIT': "
        "'Apache2' is not an SPDX identifier; did you mean 'Apache-2.0'?",
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
        "file 'models/digits-onnxruntime.onnx': in the bundle, but not listed",
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
    assert sbom_check.find_problems(json.dumps(document).encode(), DIGESTS) == [message]


def test_a_second_entry_of_a_file_hides_no_wrong_one(document: dict[str, Any]) -> None:
    components = _model(document)["components"]
    wrong = {
        **components[0],
        "bom-ref": "wrong",
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
    }
    components.insert(0, wrong)
    assert sbom_check.find_problems(json.dumps(document).encode(), DIGESTS) == [
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
    (problem,) = sbom_check.find_problems(json.dumps(document).encode(), DIGESTS)
    assert problem.startswith("not CycloneDX 1.6: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "not valid JSON: Expecting property name"),
        (b"\xff\xfe", "begins with a byte order mark; expected plain UTF-8"),
        (b"[" * 100_000, "nested deeper than 64 levels; expected fewer"),
        (b" " * (5 << 20), "5,242,880 bytes; expected at most 4,194,304"),
        (b'[{"a": {}}' + b', {"a": {}}' * 2_500 + b"]", "5,002 objects; expected at most 5,000"),
        (b"[0" + b", 0" * 500 + b"]", "a list of 501 entries; expected at most 500"),
    ],
    ids=["empty", "cut", "bytes", "deep", "large", "objects", "list"],
)
def test_what_is_no_json_or_too_much_of_it_is_said_so(text: bytes, message: str) -> None:
    (problem,) = sbom_check.find_problems(text, DIGESTS)
    assert problem.startswith(message)


def test_a_list_is_no_bill() -> None:
    (problem,) = sbom_check.find_problems(b"[]", DIGESTS)
    assert problem.startswith("not CycloneDX 1.6: ")


def test_a_bill_of_nothing_lists_no_model() -> None:
    empty = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6"}).encode()
    assert sbom_check.find_problems(empty, {made.ONNX: DIGESTS[made.ONNX]}) == [
        f"file '{made.ONNX}': in the bundle, but not listed"
    ]
