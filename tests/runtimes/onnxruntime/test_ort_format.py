"""model.ort computes what model.onnx does, and every process writes the same bytes."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from edgebake.models.onnx.canonical import canonicalize
from edgebake.recipe import Granularity
from edgebake.runtimes.onnxruntime import ort_format, quantizer
from tests.runtimes.onnxruntime import programs

HASHED = """
import hashlib, sys
from pathlib import Path
from edgebake.runtimes.onnxruntime import ort_format
files = ort_format.build_ort_files(Path(sys.argv[1]).read_bytes())
print(" ".join(hashlib.sha256(files[name]).hexdigest() for name in sorted(files)))
"""


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    canonical_model = canonicalize(
        quantizer.quantize_integers(
            programs.prepared(), quantizer.IntegerOptions(Granularity.per_channel)
        )
    )
    onnx.helper.set_model_props(canonical_model, {"labels": '["a", "b"]', "input_scale": "0.5"})
    return canonical_model


@pytest.fixture(scope="module")
def files(model: onnx.ModelProto) -> dict[str, bytes]:
    return ort_format.build_ort_files(model.SerializeToString())


def _session(content: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def test_it_answers_as_the_onnx_file_does(model: onnx.ModelProto, files: dict[str, bytes]) -> None:
    session = _session(files["model.ort"])
    result = np.concatenate(
        [session.run(None, {"image": example[None]})[0] for example in programs.EXAMPLES]
    )
    np.testing.assert_array_equal(result, programs.answers(model))


def test_it_answers_as_what_was_written_before_the_names_were_sorted(
    files: dict[str, bytes],
) -> None:
    content = files["model.ort"]
    assert content[4:8] == b"ORTM"
    assert len(content) % ort_format.ALIGNMENT == 0
    assert ort_format.normalize(content) == content


def test_metadata_is_in_it(files: dict[str, bytes]) -> None:
    result = _session(files["model.ort"]).get_modelmeta().custom_metadata_map
    assert result == {"labels": '["a", "b"]', "input_scale": "0.5"}


def test_every_process_writes_the_same_bytes(
    model: onnx.ModelProto, files: dict[str, bytes], tmp_path: Path
) -> None:
    source = tmp_path / "somewhere.onnx"
    source.write_bytes(model.SerializeToString())
    expected = " ".join(hashlib.sha256(files[name]).hexdigest() for name in sorted(files))
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", HASHED, str(source)], capture_output=True, text=True, check=True
        )
        assert run.stdout.split() == expected.split()
        assert run.stderr == ""


def test_another_model_gives_other_bytes(model: onnx.ModelProto, files: dict[str, bytes]) -> None:
    other = onnx.ModelProto()
    other.CopyFrom(model)
    item = next(
        item
        for item in other.graph.initializer
        if item.data_type == onnx.TensorProto.INT8 and item.dims
    )
    item.CopyFrom(
        onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(item) + np.int8(1), item.name)
    )
    assert (
        ort_format.build_ort_files(canonicalize(other).SerializeToString())["model.ort"]
        != files["model.ort"]
    )


def test_the_operators_of_a_small_build_are_listed(files: dict[str, bytes]) -> None:
    assert sorted(files) == [
        "model.ort",
        "model.required_operators.config",
        "model.required_operators_and_types.config",
    ]
    assert files["model.required_operators.config"].decode() == (
        "# Generated from model/s:\n"
        "# - model.ort\n"
        "ai.onnx;10;QLinearMatMul\n"
        "ai.onnx;13;DequantizeLinear,Flatten,QuantizeLinear,Transpose\n"
        "com.microsoft;1;QLinearConv,QLinearGlobalAveragePool,QLinearMul,"
        "QLinearSigmoid,QLinearSoftmax\n"
    )
    typed = files["model.required_operators_and_types.config"].decode()
    assert 'QLinearConv{"inputs": {"0": ["uint8_t"]}}' in typed
    assert typed.startswith("# Generated from model/s:\n# - model.ort\n")
