"""Float files give their model's probabilities, quantized files mostly its classes."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.data import preprocessed
from edgebake.errors import ConversionError
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import CoreML, Precision
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.stages import convert_check
from edgebake.stages.convert_check import ConvertedModel
from edgebake.tasks.task import AnswerComparison
from tests import handmade
from tests.stages import alone

NAME = "convert digits: model.tflite"
IMAGES = preprocessed.prepare([np.zeros((32, 32), np.uint8)] * 8, alone.CONTRACT)


def _converted(file: bytes, source: bytes, float_dtype: str) -> ConvertedModel:
    """Return a file of LiteRT that was made of an imported one."""
    return ConvertedModel(
        variant="digits",
        file=RuntimeFile(NAME, "litert", {"model.tflite": file}),
        input_dtypes={"image": "float32"},
        output="Identity",
        source=QuantizedModel(source, "dynamic", "int8", "float32", format="tflite"),
        float_dtype=float_dtype,
    )


def _refusal(file: bytes, source: bytes, float_dtype: str) -> str:
    with pytest.raises(ConversionError) as refused:
        convert_check.check_predictions(_converted(file, source, float_dtype), IMAGES)
    return str(refused.value)


def test_equal_answers_are_taken() -> None:
    file = handmade.constant_tflite(7)
    for dtype in ("float32", "float16", ""):
        comparison = convert_check.check_predictions(_converted(file, file, dtype), IMAGES)
        assert (comparison.same, comparison.largest_difference) == (8, 0)


@pytest.mark.parametrize(
    ("dtype", "probability", "difference", "limit"),
    [("float32", 1 - 2**-9, "0.002", "0.001"), ("float16", 1 - 2**-4, "0.062", "0.05")],
)
def test_other_probabilities_of_a_float_file_are_refused(
    dtype: str, probability: float, difference: str, limit: str
) -> None:
    refusal = _refusal(handmade.constant_tflite(7, probability), handmade.constant_tflite(7), dtype)
    assert refusal == (
        f"{NAME}: its outputs differ from its model's by up to {difference} on 8 validation "
        f"examples, 0 of which it answers otherwise; expected at most {limit} for {dtype}"
    )


def test_other_classes_of_a_quantized_file_are_refused() -> None:
    assert _refusal(handmade.constant_tflite(3), handmade.constant_tflite(7), "") == (
        f"{NAME}: it answers as its model does for 0 of 8 validation examples, "
        "and chance would for 0; expected at least 1: the file is broken, or dynamic does not suit "
        "the model: take another scheme"
    )


@pytest.mark.parametrize("dtype", ["float32", ""])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_answers_that_are_not_finite_are_refused_by_the_operator(dtype: str, value: float) -> None:
    assert _refusal(handmade.constant_tflite(7, value), handmade.constant_tflite(7), dtype) == (
        f"{NAME}: LiteRT answers NaN or infinity for 8 of 8 examples; the first value that is not "
        "finite is of FULLY_CONNECTED 'Identity'; expected finite numbers: replace what computes "
        "them, or take another scheme or runtime"
    )


def test_a_model_that_does_not_answer_itself_is_refused_by_its_operator() -> None:
    refusal = _refusal(handmade.constant_tflite(7), handmade.constant_tflite(7, np.nan), "")
    assert refusal == (
        "convert digits: model.tflite: LiteRT answers NaN or infinity for 8 of 8 examples; the "
        "first value that is not finite is 'Identity'; expected finite numbers: train it again, or "
        "replace what computes them"
    )


@pytest.mark.parametrize(
    ("n", "by_chance", "floor"),
    [
        (200, 20, 38),  # a file of one class of ten
        (200, 100, 100),  # two classes: half of the examples
        (200, 180, 100),
        (200, 0, 20),
    ],
)
def test_the_floor_is_above_chance_and_at_most_half(n: int, by_chance: float, floor: float) -> None:
    comparison = AnswerComparison(n, 0, 0, by_chance)
    assert convert_check.minimum_agreement(comparison) == pytest.approx(floor)


@pytest.mark.parametrize(
    ("weights", "activations", "precision", "dtype"),
    [
        ("float32", "float32", None, "float32"),
        ("float16", "float32", None, "float16"),
        ("float32", "float32", Precision.float16, "float16"),
        ("float32", "float32", Precision.float32, "float32"),
        ("int8", "float32", None, ""),
        ("int8", "int8", None, ""),
        ("sparse", "float32", Precision.float16, ""),
    ],
)
def test_the_dtype_that_limits_a_float_file(
    weights: str, activations: str, precision: Precision | None, dtype: str
) -> None:
    params = ConvertParams()
    if precision is not None:
        params = replace(params, coreml=CoreML("iOS18", precision, [], None))
    quantized = QuantizedModel(b"", "some", weights, activations)
    assert convert_check.float_dtype(quantized, params) == dtype


def test_examples_are_spread_over_the_validation_split(
    params: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = ConvertParams(examples="digits")
    from edgebake.data import dataset
    from edgebake.data.dataset import Examples

    def split(*_: object) -> Examples:
        images = [np.full((32, 32), number % 251, np.uint8) for number in range(1000)]
        return Examples(images, np.zeros(1000, np.int64), ["0"])

    monkeypatch.setattr(dataset, "read_split", split)
    images = convert_check.read_examples(section, alone.CONTRACT)
    first: NDArray[np.uint8] = images.single.cached(slice(None))[:, 0, 0, 0]
    assert len(images) == convert_check.MAX_EXAMPLES == 200
    assert first[0] == 0
    assert first[-1] == 999 % 251
