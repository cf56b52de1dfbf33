"""A quantized model in, the file of one runtime out, together with what is inside it.

Reads quantize's output. Writes files/, contract.json, inspection.json; stripped.json where the file was stripped.
"""

import json
import shutil
from dataclasses import dataclass

import numpy as np

from edgebake import artifacts
from edgebake.errors import ConversionError, CoverageError, listed
from edgebake.models import keras_session
from edgebake.models.importers.interface import load_importer
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import Inspection, single_output
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract

# Conversion runs on one thread: the calibrators' sums must not depend on the machine.
THREADS = 1
# Operators that move values and compute nothing; in front of the first integer kernel they may stand in float.
MOVING = frozenset({"Reshape", "Transpose", "Squeeze", "Unsqueeze"})
# Operators that stand between a kept layer and its neighbours.
CASTS = frozenset({"QUANTIZE", "DEQUANTIZE", "Cast", "cast"})
INTEGERS = ("int8", "int16")
# The dtypes in which a runtime may store weights of a scheme.
STORED_AS = {
    "float32": ("float32",),
    "float16": ("float16",),
    "int8": ("int8", "uint8"),
    "int4": ("int4",),
    "palette": ("palette",),
    "sparse": ("sparse",),
}
# How far a float file may be from Keras on the same input, in probability. Calibrated schemes are judged by the gates.
TOLERANCE = {"float32": 1e-4, "float16": 2e-2}


def run(job: Job) -> str:
    """Convert, then hold what came out against what was asked for."""
    try:
        return _converted(job)
    except CoverageError as error:  # ranges are found, and answers compared, by running the program
        raise CoverageError(f"convert {job.variant}: {error}") from error


def _converted(job: Job) -> str:
    section: ConvertParams = job.section
    source = artifacts.opened(artifacts.folder("quantize", section.quantize))
    quantized = QuantizedModel.from_files(artifacts.read_files(source))
    agreed = contract.from_json((source / "contract.json").read_text())
    if section.format == "keras":
        keras_session.start(THREADS)
    runtime = load_runtime(section.runtime)
    files = runtime.convert_model(quantized, agreed, section)
    size = f"{_size(files):,} bytes"
    if section.strip:  # first, so that what is inspected, compared and measured is what ships
        files, size = _stripped(job, files)
    inspection = runtime.inspect_files(files)
    refuse_floats(job.variant, quantized, inspection, runtime.facts.int8_operators)
    refuse_other_weights(job.variant, quantized, inspection)
    refuse_other_answers(
        Answers(job.variant, section.runtime, agreed, files), quantized, inspection
    )
    artifacts.write_files(job.out / "files", files)
    (job.out / "inspection.json").write_text(json.dumps(inspection.to_dict(), indent=2) + "\n")
    shutil.copy(source / "contract.json", job.out)
    return f"{size}, {len(inspection.operators)} operators, input {inspection.input.dtype}"


def _stripped(job: Job, files: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    """Return the files without words, and by how much they shrank, which stripped.json says too."""
    stripped = load_runtime(job.section.runtime).strip_names(files)
    before, after = _size(files), _size(stripped)
    (job.out / "stripped.json").write_text(
        json.dumps({"before": before, "after": after}, indent=2) + "\n"
    )
    return stripped, f"stripped from {before:,} to {after:,} bytes"


def _size(files: dict[str, bytes]) -> int:
    return sum(map(len, files.values()))


@dataclass(frozen=True)
class Answers:
    """A converted file that is asked a few questions."""

    variant: str
    runtime: str
    contract: Contract
    files: dict[str, bytes]


def refuse_floats(
    variant: str, quantized: QuantizedModel, inspection: Inspection, reached: frozenset[str] | None
) -> None:
    """Hold the operators against the scheme; `reached` names those that the runtime runs in integers, none: all.

    Casts at input and output are not among them. Layers that `mixed` keeps may stay in float, and no more than those.

    Raises:
        ConversionError: one computes in float though activations are to be integers.
    """
    if quantized.activations not in INTEGERS:
        return
    passing = MOVING | CASTS if quantized.fallback_layers else MOVING
    floats = [
        name
        for name in inspection.float_operators()
        if name not in passing and (reached is None or name in reached)
    ]
    allowed = sum(map(len, quantized.fallback_layers.values()))
    if len(floats) > allowed:
        kept = (
            f", but for the kept layers: {listed(quantized.fallback_layers)}"
            if quantized.fallback_layers
            else ""
        )
        raise ConversionError(
            f"convert {variant}: these operators stayed in float: {listed(set(floats))}; "
            f"expected {quantized.activations} from input to output{kept}"
        )


def refuse_other_weights(variant: str, quantized: QuantizedModel, inspection: Inspection) -> None:
    """Hold the dtypes of all tensors, constants included, against the scheme.

    Converters leave single small weights in float, LiteRT those of under 1,024 values; none at all is not the scheme.

    Raises:
        ConversionError: no tensor has the dtype that weights are to have.
    """
    if not set(STORED_AS[quantized.weights]) & set(inspection.tensors):
        raise ConversionError(
            f"convert {variant}: no weight became {quantized.weights}, the file holds: {listed(inspection.tensors)}; "
            f"expected some: the model may be too small for the scheme {quantized.scheme}"
        )


def refuse_other_answers(asked: Answers, quantized: QuantizedModel, inspection: Inspection) -> None:
    """Compare a float file with its model on images of noise: a converter can leave weights out without an error.

    Raises:
        ConversionError: they differ by more than the tolerance of the weights' dtype.
    """
    if quantized.weights not in TOLERANCE:
        return
    session = load_runtime(asked.runtime).load_session(asked.files, THREADS)
    model = load_importer(quantized.format).predictor(quantized.archive)
    shape = (4, 1, asked.contract.height, asked.contract.width, asked.contract.channels)
    for pixels in np.random.default_rng(0).integers(0, 256, shape, np.uint8):
        scaled = asked.contract.normalize(pixels)
        session.feed(pixels if inspection.input.is_image else scaled)
        session.invoke()
        gap = float(np.abs(single_output(session.read()) - model(scaled)).max())
        if not gap <= TOLERANCE[quantized.weights]:
            raise ConversionError(
                f"convert {asked.variant}: its answers differ from its model's by up to {gap:.2g}; "
                f"expected at most {TOLERANCE[quantized.weights]:g} for {quantized.weights} weights"
            )
