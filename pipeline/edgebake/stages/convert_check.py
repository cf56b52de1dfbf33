"""Compare a converted file with its model on examples of the validation split.

Float files have to give the same outputs. Of a quantized file only the answers are compared, with a
floor that refuses broken files alone: gates judge how good they are.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgebake.data import dataset
from edgebake.data.preprocessed import PreparedInputs, prepare
from edgebake.errors import ConversionError, UnsuitedError
from edgebake.models import importers
from edgebake.models.importers.interface import load_importer
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Precision
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes import finite_check, imported_session, session_process, source_check
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.session import single_output
from edgebake.runtimes.session_process import SessionFile
from edgebake.tasks.contract import Contract
from edgebake.tasks.task import AnswerComparison, Task, default_task

THREADS = 1
MAX_EXAMPLES = 200  # that are compared, at most: two models run on each of them
BATCH = 20  # examples for Keras; changes the speed alone
# The largest difference of an output between a float file and its model, by the dtype in which
# values are stored or computed. Measured on a trained MobileNetV3-Small and a ViT, 200 images each:
# float32 0.000004, float16 weights 0.003, float16 arithmetic of Core ML 0.007.
TOLERANCE = {"float32": 1e-3, "float16": 5e-2}
# A quantized file has to answer as its model does for this share of the examples, or for this much
# more than chance would: of all that chance would not.
SAME_SHARE = 0.5
BEYOND_CHANCE = 0.1


@dataclass(frozen=True)
class ConvertedModel:
    """The files of a converted model, and the model that they were made of."""

    variant: str  # of convert
    file: RuntimeFile
    input_dtypes: dict[str, str]  # of the file, by name
    output: str  # its name in the file
    source: QuantizedModel
    float_dtype: str  # float32 or float16 for a float file; empty for a quantized one
    task: Task = field(default_factory=default_task)


def float_dtype(quantized: QuantizedModel, params: ConvertParams) -> str:
    """Return the dtype that limits the precision of a float file; empty for a quantized one."""
    if quantized.activations != "float32" or quantized.weights not in TOLERANCE:
        return ""
    if params.coreml is not None and params.coreml.compute_precision is Precision.float16:
        return "float16"
    return quantized.weights


def read_examples(params: ConvertParams, model_contract: Contract) -> PreparedInputs:
    """Return examples of the validation split, evenly spaced: a source may sort them by class."""
    validation = dataset.read_split(params.data, params.examples, "validation")
    count = len(validation.labels)
    positions = np.linspace(0, count - 1, min(count, MAX_EXAMPLES))
    numbers = np.unique(positions.round().astype(np.int64))
    examples = validation.take(numbers)
    return prepare(examples.inputs, model_contract)


def check_predictions(converted: ConvertedModel, inputs: PreparedInputs) -> AnswerComparison:
    """Compare the predictions of a file and of its model on examples of the validation split.

    Raises:
        UnsuitedError: the file does not answer with finite numbers, or not as its model does.
        ConversionError: its output has another shape, or the model's own answers are not finite.
    """
    source_predictions = _predict_source(converted, inputs)
    examples = inputs.fed_to(converted.input_dtypes)
    outputs = session_process.predictions(converted.file.session_file(THREADS), examples)
    predictions = single_output(outputs)
    check_shape(converted, predictions, source_predictions)
    finite_check.refuse_not_finite(converted.file, outputs, examples)
    comparison = converted.task.compare(
        {converted.output: predictions}, {converted.output: source_predictions}
    )
    if converted.float_dtype:
        _refuse_difference(converted, comparison)
    else:
        _refuse_disagreement(converted, comparison)
    return comparison


def check_shape(
    converted: ConvertedModel,
    predictions: NDArray[np.float32],
    source_predictions: NDArray[np.float32],
) -> None:
    """Check that the output of a file has the shape that it says.

    Raises:
        ConversionError: its output has another shape than that of its model.
    """
    shape = [1, *predictions.shape[1:]]
    expected = [1, *source_predictions.shape[1:]]
    if shape != expected:
        raise ConversionError(
            f"convert {converted.variant}: its output {converted.output} has the shape "
            f"{shape}; expected {expected}, as its model's has"
        )


def _refuse_difference(converted: ConvertedModel, comparison: AnswerComparison) -> None:
    tolerance = TOLERANCE[converted.float_dtype]
    difference = comparison.largest_difference
    if difference > tolerance:
        raise UnsuitedError(
            f"{converted.file.name}: its outputs differ from its model's by up to "
            f"{difference:.2g} on {comparison.n} validation examples, "
            f"{comparison.n - comparison.same} of which it answers otherwise; "
            f"expected at most {tolerance:g} for {converted.float_dtype}"
        )


def _refuse_disagreement(converted: ConvertedModel, comparison: AnswerComparison) -> None:
    floor = minimum_agreement(comparison)
    if comparison.same < floor:
        raise UnsuitedError(
            f"{converted.file.name}: it answers as its model does for "
            f"{comparison.same} of {comparison.n} validation examples, and chance would for "
            f"{comparison.same_by_chance:.0f}; expected at least {floor:.0f}: the file is broken, "
            f"or {converted.source.scheme} does not suit the model: take another scheme"
        )


def minimum_agreement(comparison: AnswerComparison) -> float:
    """Return the number of examples for which a quantized file has to answer as its model does.

    It is half of them, or less if that many are already clearly more than chance would give.
    """
    not_by_chance = comparison.n - comparison.same_by_chance
    beyond_chance = comparison.same_by_chance + BEYOND_CHANCE * not_by_chance
    return min(SAME_SHARE * comparison.n, beyond_chance)


def _predict_source(converted: ConvertedModel, inputs: PreparedInputs) -> NDArray[np.float32]:
    """Return the output [n, ...] of the model that was converted.

    Raises:
        ConversionError: some are not finite.
    """
    source = converted.source
    name = f"convert {converted.variant}: model.{source.format}"
    if source.format == "keras":
        predict = load_importer(source.format).predictor(source.archive, source.ends)
        starts = range(0, len(inputs), BATCH)
        predictions = np.concatenate(
            [single_output(predict(inputs[start : start + BATCH])) for start in starts]
        )
    else:
        library = importers.LIBRARIES[source.format]
        arguments = (source.format, source.archive)
        graph = SessionFile(name, library, imported_session.load, arguments)
        predictions = single_output(session_process.predictions(graph, inputs))
    outputs = {converted.output: predictions}
    source_check.refuse_not_finite(name, (source.format, source.archive), outputs, inputs)
    return predictions
