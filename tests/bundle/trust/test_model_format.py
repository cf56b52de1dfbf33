"""Archives, programs and bytes of no field are found in models, and weights are none of them."""

import io
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgebake.bundle.trust import model_format
from edgebake.bundle.trust.model_format import Attachment
from edgebake.runtimes.litert import metadata

HEAD = b"\x1c\0\0\0TFL3" + bytes(100)
LABELS = "cat\ndog\n"
ATTACHMENT = Attachment("labels.txt", LABELS.encode())
ZIP = "has a zip behind the model; expected the model alone"


def _file(tmp_path: Path, name: str, content: bytes) -> Path:
    file = tmp_path / name
    file.write_bytes(content)
    return file


def _zip(*entries: tuple[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return buffer.getvalue()


def test_an_onnx_model_ends_where_its_last_field_ends(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = helper.make_node("Relu", ["x"], ["y"])
    output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    model = helper.make_model(helper.make_graph([node], "g", [value], [output]))
    content = model.SerializeToString()
    problem = "has bytes that are no field of a model of this format"
    assert model_format.find_problem(_file(tmp_path, "a.onnx", content)) is None
    for more in (b"\0", b"PK", _zip(("a", "b")), b"\x32\x05abc", b"\xff" * 20):
        assert model_format.find_problem(_file(tmp_path, "a.onnx", content + more)) == problem
    assert model_format.find_problem(_file(tmp_path, "a.onnx", content[:-1])) == problem


def test_the_fields_of_onnx_are_those_of_its_messages() -> None:
    numbers = {field.number for field in onnx.ModelProto.DESCRIPTOR.fields}
    assert numbers <= model_format.ONNX_FIELDS


def test_the_labels_of_tflite_metadata_may_lie_behind_the_model(tmp_path: Path) -> None:
    content = metadata._append_labels(HEAD, ["cat", "dog"])
    file = _file(tmp_path, "a.tflite", content)
    assert zipfile.ZipFile(file).read("labels.txt") == LABELS.encode()
    assert model_format.find_problem(file, ATTACHMENT) is None
    assert model_format.find_problem(file) == ZIP
    assert model_format.find_problem(file, Attachment("labels.txt", b"cat\nfox\n")) == ZIP


@pytest.mark.parametrize(
    "content",
    [
        _zip(("classes.dex", "x")),
        _zip(("labels.txt", LABELS), ("classes.dex", "x")),
        _zip(("a.dex", "x"), ("labels.txt", LABELS)),
        _zip(("labels.txt", LABELS)) + b"\0",
        _zip(("classes.dex", "x")) + bytes(60_000),
    ],
    ids=["other", "more", "before", "behind", "far behind"],
)
def test_any_other_zip_behind_a_model_is_refused(tmp_path: Path, content: bytes) -> None:
    file = _file(tmp_path, "a.tflite", HEAD + content)
    assert model_format.find_problem(file, ATTACHMENT) == ZIP


PROGRAMS = {
    "an ELF program": b"\x7fELF\x02\x01\x01\x00" + bytes(8) + b"\x03\x00\xb7\x00",
    "a program for Android": b"dex\n039\0",
    "a Mach-O program": b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x02\0\0\0",
    "a Windows program": b"MZ" + bytes(76) + b"This program cannot be run in DOS mode.\r\n",
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["a.tflite", "a.ort", "weight.bin"])
def test_a_program_inside_a_model_is_refused(tmp_path: Path, name: str, program: str) -> None:
    file = _file(tmp_path, name, HEAD + PROGRAMS[program] + bytes(100))
    expected = f"has {program} inside; expected the model alone"
    assert model_format.find_problem(file) == expected


def test_random_weights_are_no_program_and_no_archive(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    weights = generator.integers(0, 256, 1 << 22, np.uint8).tobytes()
    # The first bytes of each, as they occur by chance in a gigabyte of weights.
    chance = b"".join(b"\x7fELF" + weights[:60] + b"dex\n" + weights[:60] for _ in range(9))
    chance += b"PK\x05\x06" + weights[:18] + b"\xca\xfe\xba\xbe" + weights[:60]
    assert model_format.find_problem(_file(tmp_path, "a.tflite", HEAD + weights + chance)) is None


def test_an_empty_model_is_refused(tmp_path: Path) -> None:
    assert model_format.find_problem(_file(tmp_path, "a.ort", b"")) == "empty; expected a model"


def test_millions_of_fields_are_refused_at_once(tmp_path: Path) -> None:
    file = _file(tmp_path, "a.onnx", b"\x08\x01" * 3_000_000)
    assert model_format.find_problem(file) == (
        "has bytes that are no field of a model of this format"
    )
