"""Convert writes each runtime's file, and refuses one that does not follow the scheme.

Guards that no file leaves convert that differs from its recipe or from Keras.
Slow: the slow ones train a net and convert it.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.errors import ConversionError, CoverageError, UnsuitedError
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe.stage_params import read_plan
from edgebake.runtimes import coreml
from edgebake.runtimes.coreml import run as coreml_run
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.litert import inspect as litert_inspect
from edgebake.runtimes.litert import run as litert_run
from edgebake.runtimes.session import Inspection, Operator, Session, Tensor
from edgebake.stages import convert, convert_check
from edgebake.stages.convert_check import ConvertedModel
from tests.handmade import constant_tflite
from tests.runtimes import local_sessions
from tests.stages import alone
from tests.stages.alone import Ran

INT8, FLOAT16, CORE_ML = (
    "digits-ds_cnn-int8-litert",
    "digits-ds_cnn-float16-litert",
    "digits-ds_cnn-float16-coreml",
)
VALIDATION = 179  # examples of the digits' validation split
ALL = None  # int8 is to reach every operator
CONV, SOFTMAX, RESHAPE = (
    Operator("CONV_2D", ("int8",)),
    Operator("SOFTMAX", ("float32",)),
    Operator("Reshape", ("float32",)),
)
INTEGER = QuantizedModel(b"", "int8", weights="int8", activations="int8")
DYNAMIC = QuantizedModel(b"", "dynamic", weights="int8", activations="float32")


def _inspection(*operators: Operator, stored: str = "int8") -> Inspection:
    image, answer = (
        Tensor("image", [1, 32, 32, 1], "int8", "NHWC"),
        Tensor("probabilities", [1, 10], "int8", "NC"),
    )
    return Inspection([image], [answer], list(operators), {stored: 3})


def test_an_int8_file_of_int8_operators_is_what_was_asked_for() -> None:
    convert.check_integer_operators(INT8, INTEGER, _inspection(CONV), ALL)


def test_operators_left_in_float_are_refused_by_name() -> None:
    found = _inspection(CONV, SOFTMAX, Operator("MEAN", ("float32", "int8")), SOFTMAX)
    with pytest.raises(ConversionError) as refused:
        convert.check_integer_operators(INT8, INTEGER, found, ALL)
    assert str(refused.value) == (
        "convert digits-ds_cnn-int8-litert: these operators stayed in float: MEAN, SOFTMAX; "
        "expected int8 from input to output"
    )


def test_beside_a_float_normalization_all_else_is_in_integers() -> None:
    cast = Operator("QUANTIZE", ("float32", "int8"))
    normalization = [Operator(kind, ("float32",)) for kind in ("MEAN", "MUL", "RSQRT")]
    kinds = [operator.name for operator in normalization]
    sound = replace(_inspection(CONV, cast, *normalization), normalizations=kinds)
    convert.check_integer_operators(INT8, INTEGER, sound, ALL)
    product = Operator("MUL", ("float32",))
    other = replace(sound, operators=[*sound.operators, product, SOFTMAX])
    with pytest.raises(ConversionError, match="stayed in float: MUL, SOFTMAX; expected int8 from"):
        convert.check_integer_operators(INT8, INTEGER, other, ALL)


def test_operators_that_only_move_values_may_stay_in_float() -> None:
    convert.check_integer_operators(INT8, INTEGER, _inspection(RESHAPE, CONV), ALL)


def test_a_scheme_with_float_activations_may_keep_its_operators_in_float() -> None:
    convert.check_integer_operators(INT8, DYNAMIC, _inspection(SOFTMAX), ALL)


def test_operators_that_int8_does_not_reach_may_stay_in_float() -> None:
    found = _inspection(Operator("conv", ("int8",)), Operator("softmax", ("float16",)))
    convert.check_integer_operators(CORE_ML, INTEGER, found, coreml.FACTS.int8_operators)


def test_operators_that_int8_reaches_are_refused_and_no_others() -> None:
    found = _inspection(Operator("conv", ("float16",)), Operator("softmax", ("float16",)))
    with pytest.raises(
        ConversionError, match=r"stayed in float: conv; expected int8 from input to output$"
    ):
        convert.check_integer_operators(CORE_ML, INTEGER, found, coreml.FACTS.int8_operators)


@pytest.mark.parametrize(
    ("weights", "stored"),
    [
        ("int8", "uint8"),
        ("int4", "int4"),
        ("palette", "palette"),
        ("sparse", "sparse"),
        ("float16", "float16"),
    ],
)
def test_weights_are_stored_as_the_scheme_says(weights: str, stored: str) -> None:
    quantized = QuantizedModel(b"", "some_scheme", weights=weights, activations="float32")
    convert.check_weight_dtype(CORE_ML, quantized, _inspection(stored=stored))
    with pytest.raises(ConversionError) as refused:
        convert.check_weight_dtype(CORE_ML, quantized, _inspection(stored="float32"))
    assert str(refused.value) == (
        f"convert digits-ds_cnn-float16-coreml: no weight became {weights}, the file "
        "holds: float32; "
        "expected some: the model may be too small for the scheme some_scheme"
    )


CONVERTED = ConvertedModel(
    variant=INT8,
    file=RuntimeFile(f"convert {INT8}: model.tflite", "litert", {}),
    input_dtypes={"image": "float32"},
    output="probabilities",
    source=INTEGER,
    float_dtype="",
)


def test_an_output_of_another_shape_than_the_models_is_refused() -> None:
    """The file of a batch normalization as the last layer said [1, 10] and gave [1, 10, 1, 10]."""
    expected = np.zeros((4, 10), np.float32)
    convert_check.check_shape(CONVERTED, expected, expected)
    with pytest.raises(ConversionError) as refused:
        convert_check.check_shape(CONVERTED, np.zeros((4, 10, 1, 10), np.float32), expected)
    assert str(refused.value) == (
        f"convert {INT8}: its output probabilities has the shape [1, 10, 1, 10]; "
        "expected [1, 10], as its model's has"
    )


def test_an_error_of_a_converter_names_the_target_and_the_runtime_in_one_line(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> dict[str, bytes]:
        raise ValueError("input 'x' (rank 6):\nname: 'conv'\nop: 'Conv'")

    alone.lay(
        artifacts.folder("quantize", "digits-ds_cnn-float16"),
        QuantizedModel(b"", "none", "", "").to_files(),
    )
    monkeypatch.setattr("edgebake.models.keras_session.start", lambda _: None)
    monkeypatch.setattr("edgebake.runtimes.coreml.convert.convert", failing)
    with pytest.raises(ConversionError) as refused:
        alone.run("convert", CORE_ML)
    assert str(refused.value) == (
        f"convert {CORE_ML}: coreml cannot convert the model (ValueError: input 'x' (rank 6):); "
        "expected a model, and a scheme, for which it can; the log of the stage has all that it "
        "says"
    )


@pytest.mark.parametrize(
    ("error", "missed"), [(UnsuitedError, ["no int8 kernel for: 1 PRELU"]), (ConversionError, None)]
)
def test_a_scheme_that_does_not_suit_the_model_is_a_verdict_for_the_search(
    params: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[ConversionError],
    missed: list[str] | None,
) -> None:
    def refusing(*_: object) -> dict[str, bytes]:
        raise error("no int8 kernel for: 1 PRELU")

    alone.lay(
        artifacts.folder("quantize", "digits-ds_cnn-float16"),
        QuantizedModel(b"", "none", "", "").to_files(),
    )
    monkeypatch.setattr("edgebake.models.keras_session.start", lambda _: None)
    monkeypatch.setattr("edgebake.runtimes.coreml.convert.convert", refusing)
    with pytest.raises(error, match=f"^convert {CORE_ML}: no int8 kernel"):
        alone.run("convert", CORE_ML)
    file = artifacts.VERDICTS / "ios_any.json"
    written = None
    if file.exists():
        verdict = json.loads(file.read_text())
        planned = read_plan()["package"]["ios"]["targets"]["ios_any"]["recipe_sha256"]
        assert verdict["recipe_sha256"] == planned
        written = verdict["missed"]
    assert written == missed


def test_a_program_that_cannot_be_run_to_find_ranges_is_refused_by_its_name(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object) -> dict[str, bytes]:
        raise CoverageError("the ML Program executor does not cover: fold")

    alone.lay(
        artifacts.folder("quantize", "digits-ds_cnn-float16"),
        QuantizedModel(b"", "none", "", "").to_files(),
    )
    monkeypatch.setattr("edgebake.models.keras_session.start", lambda _: None)
    monkeypatch.setattr("edgebake.runtimes.coreml.convert.convert", refusing)
    with pytest.raises(CoverageError) as refused:
        alone.run("convert", CORE_ML)
    assert str(refused.value) == f"convert {CORE_ML}: the ML Program executor does not cover: fold"
    assert not artifacts.folder("convert", CORE_ML).exists()


@pytest.fixture(scope="session")
def quantized(small: Path, trained: tuple[Ran, list[str]]) -> Path:
    """The small folder, its model quantized in every scheme of the plan."""
    with chdir(small):
        alone.run("prune", "digits-ds_cnn")
        for scheme in ("int8", "float16", "palettized"):
            alone.run("quantize", f"digits-ds_cnn-{scheme}")
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

    def read(self) -> dict[str, NDArray[np.float32]]:
        return {
            name: value + np.float32(self._shift) for name, value in self._session.read().items()
        }


def _shifting(shift: float, run: ModuleType = litert_run) -> Callable[..., Shifted]:
    loading = run.load
    return lambda *arguments: Shifted(loading(*arguments), shift)


@pytest.mark.slow
def test_an_int8_file_computes_in_int8_from_input_to_output(folder: Path) -> None:
    ran = alone.run("convert", INT8)
    inspection = ran.json("inspection.json")
    assert (inspection["input"]["dtype"], inspection["output"]["dtype"]) == ("int8", "int8")
    assert {tuple(operator["dtypes"]) for operator in inspection["operators"]} == {("int8",)}
    counts = {operator["operator"]: operator["count"] for operator in inspection["operators"]}
    assert counts == {
        "CONV_2D": 5,
        "DEPTHWISE_CONV_2D": 4,
        "FULLY_CONNECTED": 1,
        "MEAN": 1,
        "SOFTMAX": 1,
    }


@pytest.mark.slow
def test_output_is_the_file_what_is_in_it_and_the_contract(folder: Path) -> None:
    ran = alone.run("convert", INT8)
    files = ran.files()
    assert sorted(files) == [
        "comparison.json",
        "contract.json",
        "files/model.tflite",
        "inspection.json",
    ]
    assert json.loads(files["contract.json"]) == json.loads(alone.CONTRACT.to_json())
    found = litert_inspect.inspect({"model.tflite": files["files/model.tflite"]})
    assert ran.json("inspection.json") == json.loads(json.dumps(found.to_dict()))
    comparison = ran.json("comparison.json")
    assert comparison["n"] == VALIDATION
    assert ran.line == (
        f"{len(files['files/model.tflite']):,} bytes, 12 operators, input int8, "
        f"answers as the model for {comparison['same']} of {VALIDATION} validation examples"
    )


@pytest.mark.slow
@pytest.mark.parametrize("variant", [INT8, "digits-ds_cnn-int8-onnxruntime", CORE_ML])
def test_a_stripped_file_is_smaller_and_all_that_is_said_of_it_is_what_was_said_before(
    folder: Path, variant: str
) -> None:
    plain = alone.run("convert", variant)
    before, inspection = _size(plain), plain.json("inspection.json")
    alone.set_param("convert", variant, "strip", value=True)
    ran = alone.run("convert", variant)
    stripped = ran.json("stripped.json")
    # Names of values contain counters of the process, and both conversions run in this one.
    assert stripped["before"] == pytest.approx(before, abs=16)
    assert stripped["after"] == _size(ran) < before
    assert ran.line.startswith(f"stripped from {stripped['before']:,} to {_size(ran):,} bytes, ")
    assert ran.json("inspection.json") == inspection


def _size(ran: Ran) -> int:
    return sum(len(content) for name, content in ran.files().items() if name.startswith("files/"))


@pytest.mark.slow
def test_it_is_the_stripped_file_that_is_held_against_the_recipe(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "edgebake.runtimes.litert.strip.strip", lambda _: {"model.tflite": constant_tflite(3)}
    )
    alone.set_param("convert", FLOAT16, "strip", value=True)
    with pytest.raises(ConversionError, match="no weight became float16, the file holds: float32"):
        alone.run("convert", FLOAT16)
    assert not artifacts.folder("convert", FLOAT16).exists()


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
@pytest.mark.parametrize(
    ("shift", "refusal"),
    [
        (
            0.5,
            "its outputs differ from its model's by up to 0.5 on {n} validation examples, "
            "0 of which it answers otherwise; expected at most 0.05 for float16",
        ),
        (
            float("nan"),
            "{library} answers NaN or infinity for {n} of {n} examples; expected finite numbers: "
            "replace what computes them, or take another scheme or runtime",
        ),
    ],
)
@pytest.mark.parametrize("variant", [FLOAT16, CORE_ML])
def test_answers_that_differ_from_keras_are_refused_and_leave_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variant: str, shift: float, refusal: str
) -> None:
    local_sessions.run_here(monkeypatch)
    runtime = {FLOAT16: litert_run, CORE_ML: coreml_run}[variant]
    monkeypatch.setattr(runtime, "load", _shifting(shift, runtime))
    with pytest.raises(ConversionError) as refused:
        alone.run("convert", variant)
    file, library = {FLOAT16: ("model.tflite", "LiteRT"), CORE_ML: ("model.mlpackage", "coreml")}[
        variant
    ]
    assert str(refused.value) == f"convert {variant}: {file}: " + refusal.format(
        n=VALIDATION, library=library
    )
    assert not artifacts.folder("convert", variant).exists()


@pytest.mark.slow
def test_answers_within_the_tolerance_are_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_sessions.run_here(monkeypatch)
    monkeypatch.setattr(litert_run, "load", _shifting(0.04))
    assert alone.run("convert", FLOAT16).json("inspection.json")["input"]["dtype"] == "float32"


@pytest.mark.slow
def test_calibrated_answers_are_left_to_the_gates(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_sessions.run_here(monkeypatch)
    monkeypatch.setattr(litert_run, "load", _shifting(0.5))
    assert alone.run("convert", INT8).json("inspection.json")["input"]["dtype"] == "int8"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "file", "dtype"),
    [
        ("digits-ds_cnn-int8-onnxruntime", "files/model.onnx", "float32"),
        ("digits-ds_cnn-float16-coreml", "files/model.mlpackage/Manifest.json", "image"),
        ("digits-ds_cnn-palettized-coreml", "files/model.mlpackage/Manifest.json", "image"),
    ],
)
def test_every_other_runtime_of_the_plan_gets_its_file(
    folder: Path, variant: str, file: str, dtype: str
) -> None:
    ran = alone.run("convert", variant)
    assert file in ran.files()
    found = ran.json("inspection.json")["input"]
    assert (found["dtype"], found["shape"]) == (dtype, [1, 32, 32, 1])
