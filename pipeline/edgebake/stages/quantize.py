"""A model in, the numbers it is to compute in out: one set of weights and ranges for every runtime.

Reads prune's output; the calibration split for ranges, the train and validation splits for training, the validation
split to choose the layers that `mixed` keeps. Writes model.<format>, contract.json, scheme.json, ranges.csv,
probes.npy, layers.csv, training.csv.
"""

import shutil
from dataclasses import replace

from edgebake import artifacts
from edgebake.compression.quantization import calibration
from edgebake.compression.quantization import layer_table as table
from edgebake.compression.quantization.calibration_data import CalibrationData
from edgebake.compression.quantization.qat import train as aware
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.models import keras_session
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Granularity
from edgebake.recipe.stage_params import QuantizeParams
from edgebake.runtimes.litert.calibrated_model import (
    CalibratedModel,
    Layer,
    load_source,
    to_float_tflite,
)
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.training import loop
from edgebake.training.loop import TrainingSplits

# Without training; the sums behind a range must not depend on the machine.
THREADS = 1
AWARE_WORDS = ("epochs", "batch_size", "learning_rate", "seed", "freeze_after")


def run(job: Job) -> str:
    """Train if the recipe says so, find ranges if the scheme needs them, and choose what to keep."""
    section: QuantizeParams = job.section
    folder = artifacts.opened(artifacts.folder("prune", section.prune))
    agreed = contract.from_json((folder / "contract.json").read_text())
    source = CalibrationData((folder / f"model.{section.format}").read_bytes(), agreed, section)
    if section.format == "keras" and (section.qat or section.calibration):
        threads, seed = (section.qat.threads, section.qat.seed) if section.qat else (THREADS, 0)
        keras_session.start(threads, seed)
    quantized, history = _trained(source)
    quantized, layers, line = _chosen(source, quantized)
    artifacts.write_files(job.out, quantized.to_files())
    (job.out / "layers.csv").write_text(layers)
    (job.out / "training.csv").write_text(history)
    shutil.copy(folder / "contract.json", job.out)
    return f"{section.scheme}, {line}"


def _trained(source: CalibrationData) -> tuple[QuantizedModel, str]:
    """Return the model, trained to feel the rounding where the recipe says so, with its ranges, and the history."""
    section = source.params
    quantized = QuantizedModel.from_options(source.archive, section)
    if section.qat is None:
        return replace(quantized, ranges=source.calibrate(source.archive)), loop.history_csv([])
    if section.qat_bits is None:
        raise ValueError(f"{section.scheme} has no quantization-aware training")
    settings = QatSettings(
        **{word: getattr(section.qat, word) for word in AWARE_WORDS},
        ranges=section.qat.ranges.value,
        weight_bits=section.qat_bits,
        per_tensor=section.granularity is Granularity.per_tensor,
        quantize_activations=section.calibration is not None,
    )
    splits = TrainingSplits(*source.split("train"), *source.split("validation"))
    trained = aware.train(source.archive, splits, settings)
    ranges = source.calibrate(trained.archive)
    if ranges:
        ranges = calibration.with_trained_ranges(ranges, trained.archive, trained.ranges)
    return replace(quantized, archive=trained.archive, ranges=ranges), loop.history_csv(
        trained.history
    )


def _chosen(source: CalibrationData, quantized: QuantizedModel) -> tuple[QuantizedModel, str, str]:
    """Return the model with the layers that it keeps out of int8, the table of all layers, and a line about them."""
    words = source.params.calibration
    if quantized.ranges is None or words is None:
        return quantized, table.to_csv([], []), "no calibration"
    if quantized.format == "onnx":  # no LiteRT runs it, whose layers the table is of
        return (
            quantized,
            table.to_csv([], []),
            f"calibrated on {words.samples} samples by {words.method}",
        )
    program = CalibratedModel(to_float_tflite(load_source(quantized)), quantized.ranges)
    kept = _kept(source, program, quantized) if quantized.fallback_dtype else []
    names = {f"{layer.name} ({layer.operator})": layer.values for layer in kept}
    line = (
        f"calibrated on {words.samples} samples by {words.method}{table.notes_line(program.layers)}"
    )
    if quantized.fallback_dtype:
        line += f", {len(kept)} of {len(program.layers)} layers kept in {quantized.fallback_dtype.value}"
    return replace(quantized, fallback_layers=names), table.to_csv(program.layers, kept), line


def _kept(
    source: CalibrationData, program: CalibratedModel, quantized: QuantizedModel
) -> list[Layer]:
    from edgebake.compression.quantization import (
        sensitivity,  # only this scheme runs what it has quantized
    )

    section = source.params
    scored = sensitivity.LabeledImages(*source.split("validation"))
    floors = [section.accuracy.at_least] if section.accuracy else []
    if section.accuracy_drop:
        floors.append(sensitivity.accuracy(program, scored) - section.accuracy_drop.at_most)
    granularity = quantized.granularity or Granularity.per_channel
    wish = IntegerOptions(
        quantized.activations, granularity, fallback_dtype=quantized.fallback_dtype
    )
    return sensitivity.fallback_layers(program, wish, scored, max(floors))
