"""Quantize a model: one set of weights and activation ranges for every runtime.

Reads prune's output; the calibration split for ranges, the train and validation splits for
quantization-aware training, the validation split to choose the fallback layers of `mixed`. Writes
model.<format>, contract.json, scheme.json, ranges.csv, probes.npy, layers.csv, training.csv.
"""

import shutil
from dataclasses import dataclass, replace

from edgebake import artifacts
from edgebake.compression.quantization import calibration, layer_table
from edgebake.compression.quantization.calibration_data import CalibrationData
from edgebake.compression.quantization.qat import train as qat
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.float_fallback import FileOperator
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Granularity, Qat
from edgebake.recipe.stage_params import QuantizeParams
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, Layer, load_source
from edgebake.runtimes.litert.float_operators import normalization_outputs
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.task import load_task
from edgebake.training import loop
from edgebake.training.loop import TrainingSplits

# Without training: the sums behind a range must not depend on the machine.
THREADS = 1
SEED = 0


@dataclass(frozen=True)
class LayerChoice:
    """A model with its fallback layers chosen, the CSV table of all layers, and a line."""

    model: QuantizedModel
    table: str
    line: str


def run(job: Job[QuantizeParams]) -> str:
    """Train with fake quantization, calibrate and choose fallback layers, as the scheme says."""
    params = job.params
    folder = artifacts.verify(artifacts.folder("prune", params.prune))
    contract_file = folder / "contract.json"
    model_file = folder / f"model.{params.format}"
    source = CalibrationData(
        model_file.read_bytes(), contract.from_json(contract_file.read_text()), params
    )
    if params.format == "keras":
        _start_keras(params)
    try:
        quantized, history = _train_and_calibrate(source)
    except ConversionError as error:
        raise ConversionError(f"quantize {job.variant}: {error}") from error
    choice = _choose_layers(source, quantized)
    artifacts.write_files(job.out, choice.model.to_files())
    job.write_text("layers.csv", choice.table)
    job.write_text("training.csv", loop.history_csv(history))
    shutil.copy(contract_file, job.out)
    return f"{params.scheme}, {choice.line}"


def _start_keras(params: QuantizeParams) -> None:
    if params.qat:
        keras_session.start(params.qat.threads, params.qat.seed)
    elif params.calibration:
        keras_session.start(THREADS, SEED)


def _train_and_calibrate(source: CalibrationData) -> tuple[QuantizedModel, loop.History]:
    """Return the model with its activation ranges, and the history of its training."""
    params = source.params
    quantized = QuantizedModel.from_options(source.archive, params, source.contract.ends)
    if params.qat is None:
        ranges = source.calibrate(source.archive)
        return replace(quantized, ranges=ranges), []
    train, labels = source.split("train")
    validation, validation_labels = source.split("validation")
    task = load_task(source.contract.task)
    splits = TrainingSplits(train.single, labels, validation.single, validation_labels, task)
    settings = _qat_settings(params, params.qat)
    trained = qat.train(source.archive, splits, settings)
    ranges = source.calibrate(trained.archive)
    if ranges:
        ranges = calibration.with_trained_ranges(ranges, trained.archive, trained.ranges)
    quantized = replace(quantized, archive=trained.archive, ranges=ranges)
    return quantized, trained.history


def _qat_settings(params: QuantizeParams, options: Qat) -> QatSettings:
    if params.qat_bits is None:
        raise ValueError(f"{params.scheme} has no quantization-aware training")
    return QatSettings(
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
        freeze_after=options.freeze_after,
        ranges=options.ranges.value,
        weight_bits=params.qat_bits,
        per_tensor=params.granularity is Granularity.per_tensor,
        quantize_activations=params.calibration is not None,
    )


def _choose_layers(source: CalibrationData, quantized: QuantizedModel) -> LayerChoice:
    """Choose the layers that stay out of int8: the fallback layers of `mixed`."""
    options = source.params.calibration
    empty_table = layer_table.to_csv([], [])
    if quantized.ranges is None or options is None:
        return LayerChoice(quantized, empty_table, "no calibration")
    line = _calibration_line(options)
    if quantized.format == "onnx":  # the table has the layers of LiteRT, which cannot run it
        return LayerChoice(quantized, empty_table, line)
    try:
        model = source.tflite_with_ranges(load_source(quantized), quantized.ranges)
        _ = model.layers
    except ConversionError as error:  # another runtime may have all operators
        if quantized.fallback_dtype:
            raise
        return LayerChoice(
            quantized,
            empty_table,
            f"{line}, without a table of layers, which are LiteRT's: {error}",
        )
    quantized = replace(quantized, ranges=model.ranges)
    line += layer_table.notes_line(model.layers)
    fallback: list[Layer] = []
    if quantized.fallback_dtype:
        fallback = _fallback_layers(source, model, quantized)
        dtype = quantized.fallback_dtype.value
        line += f", {len(fallback)} of {len(model.layers)} layers kept in {dtype}"
    values_by_layer = {}
    for layer in fallback:
        name = f"{layer.name} ({layer.operator})"
        values_by_layer[name] = layer.values
    return LayerChoice(
        model=replace(quantized, fallback_layers=values_by_layer),
        table=layer_table.to_csv(model.layers, [*fallback, *_named_layers(model, quantized)]),
        line=line,
    )


def _named_layers(model: CalibratedModel, quantized: QuantizedModel) -> list[Layer]:
    """Return the layers that `quantize.fallback` names by kind or by name."""
    named = []
    for layer in model.layers:
        operator = FileOperator(
            layer.tensor, layer.operator, layer.name, macs=None, has_integer_kernel=True
        )
        if quantized.fallback.names_operator(operator):
            named.append(layer)
    return named


def _calibration_line(options: Calibration) -> str:
    return f"calibrated on {options.samples} samples by {options.method}"


def _fallback_layers(
    source: CalibrationData, model: CalibratedModel, quantized: QuantizedModel
) -> list[Layer]:
    """Return the fewest layers to leave out of int8 so that the accuracy gates can pass."""
    # Imported here: only this scheme runs the model that it has quantized.
    from edgebake.compression.quantization import sensitivity

    params = source.params
    task = load_task(source.contract.task)
    validation = sensitivity.LabeledExamples(*source.split("validation"), task)
    floors = []
    if params.accuracy:
        floors.append(params.accuracy.at_least)
    if params.accuracy_drop:
        float_accuracy = sensitivity.accuracy(model, validation)
        floors.append(float_accuracy - params.accuracy_drop.at_most)
    options = IntegerOptions(
        quantized.activations,
        quantized.granularity or Granularity.per_channel,
        fallback_dtype=quantized.fallback_dtype,
        float_operators=normalization_outputs(model),
    )
    return sensitivity.fallback_layers(model, options, validation, max(floors))
