"""Sensitivity analysis: the effect of quantizing each layer, and the layers to keep in float.

Models run in LiteRT's integer kernels on examples of the caller's choice, never the test split.
"""

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ConversionError
from edgebake.runtimes import finite_check, litert
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.litert import quantizer, run
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, Layer
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.session import Examples, single_output
from edgebake.runtimes.session_process import SessionFile, SessionProcess
from edgebake.tasks import task
from edgebake.tasks.task import Task

THREADS = 1


@dataclass(frozen=True)
class LabeledExamples:
    """Prepared inputs of examples, and their labels [n]."""

    inputs: Examples
    labels: NDArray[np.int64]
    task: Task = field(default_factory=task.default_task)


@dataclass(frozen=True)
class LayerSensitivity:
    """Effect of quantizing one layer alone."""

    layer: Layer
    signal_to_noise_db: float  # of the predictions
    accuracy_drop: float  # against the float model, 0 to 1


@dataclass(frozen=True)
class Evaluation:
    """Top-1 accuracy, 0 to 1, and predictions float32 [n, classes] of a model."""

    accuracy: float
    probabilities: NDArray[np.float32]


def layer_sensitivities(
    model: CalibratedModel, options: IntegerOptions, examples: LabeledExamples
) -> list[LayerSensitivity]:
    """Return the sensitivity of every layer, the most sensitive first.

    Left out are those that the options leave in float anyway.
    The order is by signal-to-noise ratio of the predictions, then by accuracy drop.
    """
    with SessionProcess() as process:
        reference = _evaluate(process, model.model, examples)
        sensitivities = []
        for layer in model.layers:
            if layer.tensor in options.float_operators:
                continue
            only_this_layer = replace(options, only_tensors=[layer.tensor])
            quantized = quantizer.quantize_integers(model, only_this_layer)
            evaluation = _evaluate_candidate(process, quantized, examples)
            sensitivity = _compare(layer, reference, evaluation)
            sensitivities.append(sensitivity)
    sensitivities.sort(key=_sensitivity_order)
    return sensitivities


def accuracy(model: CalibratedModel, examples: LabeledExamples) -> float:
    """Return the top-1 accuracy of the float model, 0 to 1."""
    with SessionProcess() as process:
        evaluation = _evaluate(process, model.model, examples)
    return evaluation.accuracy


def fallback_layers(
    model: CalibratedModel, options: IntegerOptions, examples: LabeledExamples, min_accuracy: float
) -> list[Layer]:
    """Return layers to exclude from integer quantization so that a minimum accuracy is reached.

    The most sensitive layers are excluded one after another until the accuracy is reached. Then
    each that turns out to be unnecessary is removed again. All layers are returned if the accuracy
    is reached with none of the shorter lists.
    """
    sensitivities = layer_sensitivities(model, options, examples)
    layers = [sensitivity.layer for sensitivity in sensitivities]
    with SessionProcess() as process:

        def is_sufficient(excluded: Collection[Layer]) -> bool:
            tensors = [layer.tensor for layer in excluded]
            without_excluded = replace(options, fallback_tensors=tensors)
            quantized = quantizer.quantize_integers(model, without_excluded)
            evaluation = _evaluate_candidate(process, quantized, examples)
            return evaluation is not None and evaluation.accuracy >= min_accuracy

        return _fewest_layers(layers, is_sufficient)


def _fewest_layers(
    layers: list[Layer], is_sufficient: Callable[[Collection[Layer]], bool]
) -> list[Layer]:
    """Return the shortest sufficient beginning of a list, without those it does not need."""
    for count in range(len(layers)):
        if is_sufficient(layers[:count]):
            break
    else:
        return layers
    excluded = layers[:count]
    # The last layer is necessary: without it, the accuracy was not reached.
    possibly_unnecessary = excluded[:-1]
    for layer in possibly_unnecessary:
        fewer = [candidate for candidate in excluded if candidate is not layer]
        if is_sufficient(fewer):
            excluded = fewer
    return excluded


def _sensitivity_order(sensitivity: LayerSensitivity) -> tuple[float, float]:
    """Return the sort key that puts the most sensitive layer first."""
    return sensitivity.signal_to_noise_db, -sensitivity.accuracy_drop


def _compare(layer: Layer, reference: Evaluation, quantized: Evaluation | None) -> LayerSensitivity:
    if quantized is None:
        return LayerSensitivity(layer, -np.inf, reference.accuracy)
    difference = reference.probabilities - quantized.probabilities
    noise = _power(difference)
    signal = _power(reference.probabilities)
    decibels = np.inf
    if noise:
        ratio = signal / noise
        decibels = 10 * np.log10(ratio)
    return LayerSensitivity(
        layer=layer,
        signal_to_noise_db=float(decibels),
        accuracy_drop=reference.accuracy - quantized.accuracy,
    )


def _power(values: NDArray[np.float32]) -> float:
    """Return the sum of squares of values of any shape."""
    squares = np.square(values)
    return float(squares.sum())


def _evaluate_candidate(
    process: SessionProcess, model: bytes, examples: LabeledExamples
) -> Evaluation | None:
    """Return the evaluation of a quantized model; None if LiteRT does not run it.

    The reason goes to the log: such a candidate counts as one that predicts nothing correctly.
    """
    try:
        return _evaluate(process, model, examples)
    except ConversionError as error:
        sys.stderr.write(f"{error}\n")
        return None


def _evaluate(process: SessionProcess, model: bytes, examples: LabeledExamples) -> Evaluation:
    """Run a model on the examples.

    Raises:
        ConversionError: LiteRT does not run it, or it does not answer with finite numbers.
    """
    files = {litert.FILE: model}
    file = SessionFile(litert.FILE, "LiteRT", run.load, (files, THREADS))
    inputs = examples.inputs
    outputs = process.predictions(file, inputs)
    finite_check.refuse_not_finite(RuntimeFile(litert.FILE, "litert", files), outputs, inputs)
    probabilities = single_output(outputs)
    score = task.score(examples.task, outputs, examples.labels)
    return Evaluation(score, probabilities)
