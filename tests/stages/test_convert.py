"""Convert turns the trained model into each runtime's file, and refuses one that is not what the recipe asked for."""

import json
import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import artifacts
from pipeline.errors import ConversionError
from pipeline.quantized import Quantized
from pipeline.runtimes.litert import inspect as litert_inspect
from pipeline.runtimes.litert import run as litert_run
from pipeline.stages import convert
from pipeline.tensors import Inspection, Operator, Session, Tensor
from tests.stages import alone
from tests.stages.alone import Ran

INT8, FLOAT16 = "digits-ds_cnn-int8-litert", "digits-ds_cnn-float16-litert"
CONV, SOFTMAX, RESHAPE = (
    Operator("CONV_2D", ("int8",)),
    Operator("SOFTMAX", ("float32",)),
    Operator("Reshape", ("float32",)),
)
INTEGER = Quantized(b"", "int8", weights="int8", activations="int8")
DYNAMIC = Quantized(b"", "dynamic", weights="int8", activations="float32")


def _inspection(*operators: Operator) -> Inspection:
    image, answer = Tensor("image", [1, 32, 32, 1], "int8", "NHWC"), Tensor("probabilities", [1, 10], "int8", "NC")
    return Inspection(image, answer, list(operators), {"int8": 3})


def test_an_int8_file_of_int8_operators_is_what_was_asked_for() -> None:
    convert.refuse_floats(INT8, INTEGER, _inspection(CONV))


def test_operators_left_in_float_are_refused_by_name() -> None:
    with pytest.raises(ConversionError) as refused:
        convert.refuse_floats(INT8, INTEGER, _inspection(CONV, SOFTMAX, Operator("MEAN", ("float32", "int8")), SOFTMAX))
    assert str(refused.value) == (
        "convert digits-ds_cnn-int8-litert: these operators stayed in float: MEAN, SOFTMAX; "
        "expected int8 from input to output"
    )


def test_operators_that_only_move_values_may_stay_in_float() -> None:
    convert.refuse_floats(INT8, INTEGER, _inspection(Operator("Reshape", ("float32",)), CONV))


def test_a_scheme_with_float_activations_may_keep_its_operators_in_float() -> None:
    convert.refuse_floats(INT8, DYNAMIC, _inspection(SOFTMAX))


@pytest.fixture(scope="session")
def quantized(small: Path, trained: tuple[Ran, list[str]]) -> Path:
    """The small folder, its model quantized in both schemes of the plan."""
    with chdir(small):
        alone.run("prune", "digits-ds_cnn")
        alone.run("quantize", "digits-ds_cnn-int8")
        alone.run("quantize", "digits-ds_cnn-float16")
    return small


@pytest.fixture
def folder(quantized: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small folder; the test runs in it."""
    shutil.copytree(quantized, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Shifted:
    """A session whose every answer is off by the same amount."""

    def __init__(self, session: Session, shift: float) -> None:
        self._session, self._shift = session, shift
        self.feed, self.invoke = session.feed, session.invoke

    def read(self) -> NDArray[np.float32]:
        return self._session.read() + np.float32(self._shift)


def _shifting(shift: float) -> Callable[[dict[str, bytes], int], Shifted]:
    loading = litert_run.load
    return lambda files, threads: Shifted(loading(files, threads), shift)


@pytest.mark.slow
def test_an_int8_file_computes_in_int8_from_input_to_output(folder: Path) -> None:
    ran = alone.run("convert", INT8)
    inspection = ran.json("inspection.json")
    assert (inspection["input"]["dtype"], inspection["output"]["dtype"]) == ("int8", "int8")
    assert {tuple(operator["dtypes"]) for operator in inspection["operators"]} == {("int8",)}
    counts = {operator["operator"]: operator["count"] for operator in inspection["operators"]}
    assert counts == {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 1, "MEAN": 1, "SOFTMAX": 1}


@pytest.mark.slow
def test_output_is_the_file_what_is_in_it_and_the_contract(folder: Path) -> None:
    ran = alone.run("convert", INT8)
    files = ran.files()
    assert sorted(files) == ["contract.json", "files/model.tflite", "inspection.json"]
    assert json.loads(files["contract.json"]) == json.loads(alone.CONTRACT.to_json())
    found = litert_inspect.inspect({"model.tflite": files["files/model.tflite"]})
    assert ran.json("inspection.json") == json.loads(json.dumps(found.to_dict()))
    assert ran.line == f"{len(files['files/model.tflite']):,} bytes, 12 operators, input int8"


@pytest.mark.slow
def test_converting_twice_gives_the_same_bytes(folder: Path) -> None:
    assert alone.run("convert", INT8).files() == alone.run("convert", INT8).files()


@pytest.mark.slow
def test_a_file_with_an_operator_in_float_is_refused_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert_inspect, "inspect", lambda _: _inspection(CONV, SOFTMAX))
    with pytest.raises(ConversionError, match="stayed in float: SOFTMAX; expected int8"):
        alone.run("convert", INT8)
    assert not artifacts.folder("convert", INT8).exists()


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "gap"), [(0.5, "0.5"), (float("nan"), "nan")])
def test_answers_that_differ_from_keras_are_refused_and_leave_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shift: float, gap: str
) -> None:
    monkeypatch.setattr(litert_run, "load", _shifting(shift))
    with pytest.raises(ConversionError) as refused:
        alone.run("convert", FLOAT16)
    assert str(refused.value) == (
        f"convert digits-ds_cnn-float16-litert: its answers differ from Keras by up to {gap}; "
        "expected at most 0.02 for float16 weights"
    )
    assert not artifacts.folder("convert", FLOAT16).exists()


@pytest.mark.slow
def test_answers_within_the_tolerance_are_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_run, "load", _shifting(0.015))
    assert alone.run("convert", FLOAT16).json("inspection.json")["input"]["dtype"] == "float32"


@pytest.mark.slow
def test_calibrated_answers_are_left_to_the_gates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_run, "load", _shifting(0.5))
    assert alone.run("convert", INT8).json("inspection.json")["input"]["dtype"] == "int8"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "file", "dtype"),
    [
        ("digits-ds_cnn-int8-onnxruntime", "files/model.onnx", "float32"),
        ("digits-ds_cnn-float16-coreml", "files/model.mlpackage/Manifest.json", "image"),
    ],
)
def test_every_other_runtime_of_the_plan_gets_its_file(folder: Path, variant: str, file: str, dtype: str) -> None:
    ran = alone.run("convert", variant)
    assert file in ran.files()
    found = ran.json("inspection.json")["input"]
    assert (found["dtype"], found["shape"]) == (dtype, [1, 32, 32, 1])
