"""Two bundles are told apart by file, and inside a file by what a reader knows it by."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from edgebake.bundle.trust.bundle_diff import differences
from edgebake.models.tflite import tables
from edgebake.runtimes.litert import metadata
from tests.handmade import constant_onnx, constant_tflite
from tests.runtimes.coreml.programs import constant, files, op, real
from tests.runtimes.litert.test_metadata import ABOUT, CONTRACT

Files = dict[str, bytes]
TFLITE, ONNX, ML = "models/digits.tflite", "models/digits.onnx", "models/digits.mlpackage"


def _json(value: object) -> Files:
    return {"manifest.json": json.dumps(value).encode()}


def _package(*weights: float) -> Files:
    held = constant(np.array(weights, np.float32), stored_in="file")
    made = files({"fed": real(1)}, [op("add", {"x": "fed", "y": held}, out=real(1))], ["out"])
    return {path.replace("model.mlpackage", ML): content for path, content in made.items()}


BUNDLE = {
    **_json({"name": "digits"}),
    TFLITE: constant_tflite(1),
    ONNX: constant_onnx(1),
    "NOTICE": b"a\nb\n",
    **_package(1.0),
}


def test_equal_bundles_differ_in_nothing() -> None:
    assert differences(BUNDLE, dict(reversed(BUNDLE.items()))) == []


def test_a_file_of_one_bundle_alone_is_named_and_a_package_is_one() -> None:
    assert differences(BUNDLE, {"NOTICE": BUNDLE["NOTICE"], "a.txt": b""}) == [
        "a.txt: only in theirs",
        "manifest.json: only in ours",
        "models/digits.mlpackage: only in ours",
        "models/digits.onnx: only in ours",
        "models/digits.tflite: only in ours",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b: ours 1, theirs 2"]),
        (
            {"a": [1, 2]},
            {"a": [1, 3, 4]},
            ["a[1]: ours 2, theirs 3", "a[2]: ours absent, theirs 4"],
        ),
        ({"a": None}, {}, ["a: ours null, theirs absent"]),
        ({"a": 1}, {"a": 1.0}, ["a: ours 1, theirs 1.0"]),
        ({"a": 1}, {"a": True}, ["a: ours 1, theirs true"]),
        ({"a": {"b": 1}}, {"a": [1]}, ['a: ours {"b": 1}, theirs [1]']),
        ({"a": "absent"}, {}, ['a: ours "absent", theirs absent']),
        ([{"a": "é"}], [{"a": "e"}], ['[0].a: ours "é", theirs "e"']),
        (1, 2, ["all of it: ours 1, theirs 2"]),
        ({"a": "x" * 100}, {"a": "y"}, [f'a: ours "{"x" * 56}..., theirs "y"']),
    ],
)
def test_json_is_told_apart_by_key(ours: object, theirs: object, expected: list[str]) -> None:
    assert differences(_json(ours), _json(theirs)) == [
        f"manifest.json: {line}" for line in expected
    ]


def test_json_that_is_only_written_otherwise_is_told_apart_by_line() -> None:
    other = {"manifest.json": b'{\n"name": "digits"}'}
    assert differences(_json({"name": "digits"}), other)[0] == (
        "manifest.json: the same JSON, written differently, line 1: "
        """ours '{"name": "digits"}', theirs '{'"""
    )


def test_damaged_json_is_told_apart_by_byte() -> None:
    assert differences({"a.json": b"[1, 2]"}, {"a.json": b"[1, "}) == [
        "a.json: byte 4 is the first to differ, ours has 6 bytes, theirs 4; "
        "cannot be read as JSON: Expecting value: line 1 column 5 (char 4)"
    ]


def test_text_is_told_apart_by_line() -> None:
    assert differences({"NOTICE": b"a\nb\nc"}, {"NOTICE": b"a\nB\r\nc\nd"}) == [
        "NOTICE: line 2: ours 'b', theirs 'B\\r'",
        "NOTICE: line 4: ours absent, theirs 'd'",
    ]


def test_anything_else_is_told_apart_by_byte() -> None:
    assert differences({"a.bin": b"\x00\xff\x01"}, {"a.bin": b"\x00\xff\x02\x03"}) == [
        "a.bin: byte 2 is the first to differ, ours has 3 bytes, theirs 4"
    ]
    assert differences({"a.bin": b"\xff\x00"}, {"a.bin": b"\xff\x00\x00"}) == [
        "a.bin: byte 2 is the first to differ, ours has 2 bytes, theirs 3"
    ]


def test_lines_about_one_file_are_at_most_ten_and_say_how_many_more() -> None:
    found = differences(_json(list(range(25))), _json(list(range(1, 26))))
    assert len(found) == 11
    assert found[-2:] == ["manifest.json: [9]: ours 9, theirs 10", "manifest.json: and 15 more"]


def _tensor(model: bytes, number: int, name: str) -> bytes:
    content = tables.parse(model)
    content.subgraphs[0].tensors[number].name = name
    return tables.serialize(content)


def test_a_tflite_file_is_told_apart_by_its_parts() -> None:
    assert differences({TFLITE: constant_tflite(1)}, {TFLITE: constant_tflite(2)}) == [
        "models/digits.tflite: tensor 2 'bias' differs"
    ]
    renamed = _tensor(constant_tflite(1), 2, "offset")
    assert differences({TFLITE: constant_tflite(1)}, {TFLITE: renamed}) == [
        "models/digits.tflite: tensor 2 'bias' is only in ours",
        "models/digits.tflite: tensor 2 'offset' is only in theirs",
    ]
    ours, theirs = (
        metadata.attach(constant_tflite(1), CONTRACT, about)
        for about in (ABOUT, replace(ABOUT, version="2"))
    )
    assert differences({TFLITE: ours}, {TFLITE: theirs}) == [
        "models/digits.tflite: metadata TFLITE_METADATA differs"
    ]


def test_an_onnx_file_is_told_apart_by_its_parts() -> None:
    model = onnx.load_from_string(constant_onnx(1))
    model.producer_name = "somebody"
    assert differences({ONNX: constant_onnx(2)}, {ONNX: model.SerializeToString()}) == [
        "models/digits.onnx: initializer 'bias' differs",
        "models/digits.onnx: producer_name is only in theirs",
    ]


def test_a_package_is_told_apart_by_its_parts() -> None:
    assert differences(_package(1.0), _package(2.0)) == [
        "models/digits.mlpackage: main weights 'out_y_0' of add 'out' differs"
    ]


def test_a_model_of_equal_parts_differs_in_how_it_is_laid_out() -> None:
    model = constant_tflite(1)
    assert differences({TFLITE: model}, {TFLITE: model + b"\x00"}) == [
        f"models/digits.tflite: byte {len(model):,} is the first to differ, ours has "
        f"{len(model):,} bytes, "
        f"theirs {len(model) + 1:,}; all parts are equal, header or layout differ"
    ]


@pytest.mark.parametrize(
    ("path", "runtime", "good"),
    [(TFLITE, "litert", constant_tflite(1)), (ONNX, "onnxruntime", constant_onnx(1))],
)
def test_a_model_that_cannot_be_read_is_told_apart_by_byte_and_says_whose(
    path: str, runtime: str, good: bytes
) -> None:
    (line,) = differences({path: good}, {path: b"\xff" * 9})
    assert line.startswith(
        f"{path}: byte 0 is the first to differ, ours has {len(good):,} bytes, theirs 9; theirs "
    )
    assert f"; theirs cannot be read as a model of {runtime}: " in line


def test_the_files_of_a_damaged_package_are_told_apart_by_byte() -> None:
    broken = {**_package(2.0), f"{ML}/Manifest.json": b"{"}
    found = differences(_package(1.0), broken)
    assert [line.split(" byte ")[0] for line in found] == [
        "models/digits.mlpackage: Data/com.apple.CoreML/weights/weight.bin",
        "models/digits.mlpackage: Manifest.json",
    ]
    assert all(
        "theirs cannot be read as a model of coreml: Expecting property name" in line
        for line in found
    )


def test_noise_of_any_length_is_told_apart_without_an_error() -> None:
    random = np.random.default_rng(0)
    for size in (0, 7, 8, 100, 1000):
        noise: NDArray[np.uint8] = random.integers(0, 256, size, np.uint8)
        for path in (TFLITE, ONNX, f"{ML}/Manifest.json", "a.json", "a"):
            assert len(differences({path: noise.tobytes()}, {path: noise.tobytes() + b"\x01"})) >= 1


@pytest.mark.parametrize("place", range(8, 400, 13))
def test_a_tflite_file_with_one_damaged_byte_never_ends_the_comparison(place: int) -> None:
    model = constant_tflite(1)
    damaged = model[:place] + bytes([model[place] ^ 0xFF]) + model[place + 1 :]
    assert differences({TFLITE: model}, {TFLITE: damaged}) != []
