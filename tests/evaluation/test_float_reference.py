"""The float reference is a file that answers as the source model does, or the model's answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.errors import ArtifactError, ConversionError
from edgebake.evaluation import float_reference, reference_choice
from edgebake.evaluation.float_reference import FloatReference
from edgebake.evaluation.reference_choice import Candidate, SourceModel
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples
from tests import handmade

IMAGES = NamedExamples({"image": np.zeros((4, 32, 32, 1), np.float32)})
TEST_IMAGES = NamedExamples({"image": np.zeros((3, 32, 32, 1), np.float32)})
SEVEN = np.eye(10, dtype=np.float32)[[7, 7, 7, 7]]
NOT_FINITE = (
    "float.tflite: LiteRT answers NaN or infinity for 4 of 4 examples; the first value that is not "
    "finite is of FULLY_CONNECTED 'Identity'; expected finite numbers: replace what computes them, "
    "or take another scheme or runtime"
)


def _source(predictions: NDArray[np.float32] = SEVEN) -> SourceModel:
    """Return a model of Keras with these predictions of the validation images."""
    return SourceModel(
        library="Keras",
        tools=("keras", "tensorflow"),
        predict=lambda images: predictions[: len(images)],
        validation_inputs=IMAGES,
        validation_predictions=predictions,
        test_inputs=lambda: TEST_IMAGES,
    )


def _litert(answer: int, probability: float = 1) -> Candidate:
    return Candidate("litert", lambda: handmade.constant_tflite(answer, probability))


def _onnx(answer: int) -> Candidate:
    return Candidate("onnxruntime", lambda: handmade.constant_onnx(answer))


def _summary(files: dict[str, bytes]) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(files["float/reference.json"])
    return summary


def test_a_file_that_answers_as_the_model_is_the_reference() -> None:
    files = reference_choice.choose(_source(), [_litert(7), _onnx(7)])
    assert sorted(files) == ["float/model.tflite", "float/reference.json"]
    summary = _summary(files)
    assert list(summary["tools"]) == ["ai-edge-litert"]
    del summary["tools"]
    assert summary == {
        "source": "Keras",
        "runtime": "litert",
        "file": "model.tflite",
        "split": "validation",
        "examples": 4,
        "same_answers": 4,
        "largest_difference": 0.0,
        "tolerance": 0.001,
        "refused": {},
    }


def test_a_file_within_the_tolerance_is_taken_and_its_difference_recorded() -> None:
    files = reference_choice.choose(_source(), [_litert(7, 1 - 2**-11)])
    summary = _summary(files)
    assert (summary["runtime"], summary["largest_difference"]) == ("litert", 0.00049)


def test_another_runtime_is_taken_where_the_first_differs() -> None:
    files = reference_choice.choose(_source(), [_litert(7, 1 - 2**-9), _onnx(7)])
    summary = _summary(files)
    assert (summary["runtime"], summary["file"]) == ("onnxruntime", "model.onnx")
    assert summary["refused"] == {
        "litert": (
            "its file differs from Keras by up to 0.002 in a probability, and in the predicted "
            "class of 0 of 4 validation examples; expected at most 0.001"
        )
    }


def test_a_file_whose_answers_are_not_finite_is_refused_by_its_operator(
    capfd: pytest.CaptureFixture[str],
) -> None:
    files = reference_choice.choose(_source(), [_litert(7, np.inf), _onnx(7)])
    assert _summary(files)["refused"] == {"litert": NOT_FINITE}
    assert f"float reference: no file of LiteRT: {NOT_FINITE}\n" in capfd.readouterr().err


def test_a_converter_that_fails_is_no_end() -> None:
    def fail() -> bytes:
        raise RuntimeError("'tf.Erf' op is neither a custom op nor a flex op\nand more")

    files = reference_choice.choose(_source(), [Candidate("litert", fail), _onnx(7)])
    assert _summary(files)["refused"] == {
        "litert": (
            "its converter fails: RuntimeError: 'tf.Erf' op is neither a custom op nor a flex op"
        )
    }


def test_without_such_a_file_the_model_itself_predicts_the_test_images(tmp_path: Path) -> None:
    files = reference_choice.choose(_source(), [_litert(3), _onnx(3)])
    assert sorted(files) == ["float/answers.npy", "float/reference.json"]
    assert list(_summary(files)["tools"]) == ["keras", "tensorflow"]
    artifacts.write_files(tmp_path, files)
    predictions = reference_choice.predictions(tmp_path, TEST_IMAGES)
    np.testing.assert_array_equal(predictions, SEVEN[:3])
    with pytest.raises(ArtifactError, match="3 predictions for 4 test examples"):
        reference_choice.predictions(tmp_path, IMAGES)


def test_the_reference_that_runs_is_the_one_that_was_chosen(tmp_path: Path) -> None:
    artifacts.write_files(tmp_path, reference_choice.choose(_source(), [_litert(3), _onnx(7)]))
    np.testing.assert_array_equal(reference_choice.predictions(tmp_path, TEST_IMAGES), SEVEN[:3])


def test_a_reference_that_is_not_finite_for_a_test_image_is_refused(tmp_path: Path) -> None:
    artifacts.write_files(tmp_path, handmade.float_reference(7, np.nan))
    with pytest.raises(ConversionError, match=r"NaN or infinity for 3 of 3 .* 'Identity'"):
        reference_choice.predictions(tmp_path, TEST_IMAGES)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (
            FloatReference("Keras", "litert", "", {}, "validation", 180, 179, 1.2e-6),
            "a float file in LiteRT, which answers as Keras does for 179 of 180 validation "
            "examples, with probabilities that differ by at most 1.2e-06",
        ),
        (
            FloatReference("Keras", "", "", {}, refused={"litert": "NaN", "onnxruntime": "Erf"}),
            "the predictions that Keras made of the test images, written down; not in LiteRT: NaN; "
            "not in ONNX Runtime: Erf",
        ),
    ],
)
def test_it_is_told_what_the_reference_is_and_why(reference: FloatReference, text: str) -> None:
    assert reference.describe() == text


@pytest.mark.parametrize(
    ("difference", "bound"), [(0, 1e-7), (1e-7, 1e-7), (1.2e-6, 1e-5), (1e-3, 1e-3), (2e-3, 0.01)]
)
def test_a_difference_is_rounded_up_to_a_power_of_ten(difference: float, bound: float) -> None:
    assert float_reference.power_of_ten_above(difference) == bound


@pytest.mark.parametrize("runtime", float_reference.LIBRARIES)
def test_a_library_has_the_name_that_its_runtime_states(runtime: str) -> None:
    library = load_runtime(runtime).facts.library
    assert library is not None
    assert float_reference.LIBRARIES[runtime] == library.name
