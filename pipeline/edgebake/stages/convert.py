"""Convert a quantized model to the file of one runtime, and check the file.

Reads quantize's output. Writes files/, contract.json, inspection.json; stripped.json if names were
stripped.
"""

import shutil
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.errors import ConversionError, CoverageError, listed
from edgebake.models import converter_errors, keras_session
from edgebake.models.importers import limited
from edgebake.models.importers.interface import load_importer
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes import imported_session, session_process
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import Inspection, single_output
from edgebake.runtimes.session_process import SessionFile
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract

# Conversion runs on one thread: the calibrators' sums must not depend on the machine.
THREADS = 1
# Operators that move values without arithmetic; they may be float before the first integer kernel.
MOVE_OPERATORS = frozenset({"Reshape", "Transpose", "Squeeze", "Unsqueeze"})
# Operators between a fallback layer and its neighbors.
CASTS = frozenset({"QUANTIZE", "DEQUANTIZE", "Cast", "cast"})
INTEGERS = ("int8", "int16")
# The dtypes in which a runtime may store the weights of a scheme.
STORED_DTYPES = {
    "float32": ("float32",),
    "float16": ("float16",),
    "int8": ("int8", "uint8"),
    "int4": ("int4",),
    "palette": ("palette",),
    "sparse": ("sparse",),
}
# The largest difference of a probability between a float file and its model on the same input.
# Calibrated schemes have no limit here: gates judge their accuracy.
TOLERANCE = {"float32": 1e-4, "float16": 2e-2}
NOISE_IMAGES = 4

Files = dict[str, bytes]  # path -> content


@dataclass(frozen=True)
class ConvertedModel:
    """The files of a converted model."""

    variant: str
    runtime: str
    contract: Contract
    files: Files


def run(job: Job[ConvertParams]) -> str:
    """Convert the model, and check operators, weights and predictions of the file."""
    try:
        return _convert(job)
    except CoverageError as error:  # calibration and the comparison run the model
        raise CoverageError(f"convert {job.variant}: {error}") from error


def _convert(job: Job[ConvertParams]) -> str:
    params = job.params
    source = artifacts.verify(artifacts.folder("quantize", params.quantize))
    quantized = QuantizedModel.from_files(artifacts.read_files(source))
    contract_file = source / "contract.json"
    model_contract = contract.from_json(contract_file.read_text())
    if params.format == "keras":
        keras_session.start(THREADS)
    runtime = load_runtime(params.runtime)
    files = _convert_model(job, quantized, model_contract)
    size = f"{_size(files):,} bytes"
    if params.strip:  # first: the file that is inspected, compared and measured is the one to ship
        files, size = _strip(job, files)
    inspection = runtime.inspect_files(files)
    converted = ConvertedModel(
        variant=job.variant, runtime=params.runtime, contract=model_contract, files=files
    )
    check_integer_operators(job.variant, quantized, inspection, runtime.facts.int8_operators)
    check_weight_dtype(job.variant, quantized, inspection)
    check_output_shape(converted, inspection)
    check_float_predictions(converted, quantized, inspection)
    artifacts.write_files(job.out / "files", files)
    job.write_json("inspection.json", inspection.to_dict())
    shutil.copy(contract_file, job.out)
    return f"{size}, {len(inspection.operators)} operators, input {inspection.input.dtype}"


def _convert_model(
    job: Job[ConvertParams], quantized: QuantizedModel, model_contract: Contract
) -> Files:
    """Return the files of the runtime.

    Raises:
        ConversionError: the runtime's converter cannot convert the model, or failed.
    """
    name = job.params.runtime
    try:
        with converter_errors.in_one_line(name):
            return load_runtime(name).convert_model(quantized, model_contract, job.params)
    except ConversionError as error:
        raise ConversionError(f"convert {job.variant}: {error}") from error


def _strip(job: Job[ConvertParams], files: Files) -> tuple[Files, str]:
    """Remove the names from a model's files; return the files and a line about their sizes."""
    stripped = load_runtime(job.params.runtime).strip_names(files)
    before = _size(files)
    after = _size(stripped)
    job.write_json("stripped.json", {"before": before, "after": after})
    return stripped, f"stripped from {before:,} to {after:,} bytes"


def _size(files: Files) -> int:
    return sum(len(data) for data in files.values())


def check_integer_operators(
    variant: str,
    quantized: QuantizedModel,
    inspection: Inspection,
    integer_operators: frozenset[str] | None,
) -> None:
    """Check that operators compute in integers if the scheme quantizes activations.

    Casts at input and output are exempt. With fallback layers, as many operators may be float.

    Args:
        variant: of convert, for the error.
        quantized: the model that was converted.
        inspection: of the converted file.
        integer_operators: those that the runtime has integer kernels for; none: all.

    Raises:
        ConversionError: an operator computes in float.
    """
    if quantized.activations not in INTEGERS:
        return
    exempt = MOVE_OPERATORS
    exception = ""
    if quantized.fallback_layers:
        exempt = MOVE_OPERATORS | CASTS
        exception = f", except for the fallback layers: {listed(quantized.fallback_layers)}"
    if quantized.fallback.names:
        # The encoder has refused what the recipe does not name.
        return
    floats = [name for name in inspection.float_operators() if name not in exempt]
    if integer_operators is not None:
        floats = [name for name in floats if name in integer_operators]
    allowed = sum(len(values) for values in quantized.fallback_layers.values())
    if len(floats) > allowed:
        raise ConversionError(
            f"convert {variant}: these operators stayed in float: {listed(set(floats))}; "
            f"expected {quantized.activations} from input to output{exception}"
        )


def check_weight_dtype(variant: str, quantized: QuantizedModel, inspection: Inspection) -> None:
    """Check that some tensor has the dtype of the scheme's weights.

    Converters leave small weights in float: LiteRT those of fewer than 1,024 values.

    Raises:
        ConversionError: no tensor has that dtype.
    """
    expected = STORED_DTYPES[quantized.weights]
    if set(expected).isdisjoint(inspection.tensors):
        raise ConversionError(
            f"convert {variant}: no weight became {quantized.weights}, the file holds: "
            f"{listed(inspection.tensors)}; expected some: "
            f"the model may be too small for the scheme {quantized.scheme}"
        )


def check_output_shape(converted: ConvertedModel, inspection: Inspection) -> None:
    """Run the file on one image, and check that it answers with one number per class.

    A file may answer with another shape than it says.

    Raises:
        ConversionError: its output has another shape.
    """
    pixels = _noise(converted.contract)[:1]
    images = converted.contract.normalize(pixels)
    file_input = pixels if inspection.input.is_image else images
    output = single_output(session_process.predictions(_session_file(converted), file_input))
    expected = (1, len(converted.contract.labels))
    if output.shape != expected:
        raise ConversionError(
            f"convert {converted.variant}: its output {inspection.output.name} has the shape "
            f"{list(output.shape)}; expected {list(expected)}, one number per class"
        )


def check_float_predictions(
    converted: ConvertedModel, quantized: QuantizedModel, inspection: Inspection
) -> None:
    """Compare the predictions of a float file and its model on images of noise.

    A converter can leave weights out without an error.

    Raises:
        ConversionError: they differ by more than the tolerance of the weights' dtype.
    """
    if quantized.weights not in TOLERANCE:
        return
    tolerance = TOLERANCE[quantized.weights]
    pixels = _noise(converted.contract)
    images = converted.contract.normalize(pixels)
    file_input = pixels if inspection.input.is_image else images
    outputs = session_process.predictions(_session_file(converted), file_input)
    differences = np.abs(single_output(outputs) - _predict(converted.variant, quantized, images))
    for differences_of_image in differences:
        difference = float(differences_of_image.max())
        if not difference <= tolerance:  # NaN differs too
            raise ConversionError(
                f"convert {converted.variant}: its predictions differ from its model's "
                f"by up to {difference:.2g}; "
                f"expected at most {tolerance:g} for {quantized.weights} weights"
            )


def _session_file(converted: ConvertedModel) -> SessionFile:
    file = load_runtime(converted.runtime).facts.file
    name = f"convert {converted.variant}: {file}"
    return SessionFile.of_runtime(name, converted.runtime, converted.files, THREADS)


def _predict(
    variant: str, quantized: QuantizedModel, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the probabilities [n, classes] of the model itself, an image at a time."""
    if quantized.format == "keras":
        predict = load_importer(quantized.format).predictor(quantized.archive)
        return np.concatenate([predict(image[np.newaxis]) for image in images])
    name = f"convert {variant}: model.{quantized.format}"
    arguments = (quantized.format, quantized.archive)
    library = limited.LIBRARIES[quantized.format]
    graph = SessionFile(name, library, imported_session.load, arguments)
    return single_output(session_process.predictions(graph, images))


def _noise(image: Contract) -> NDArray[np.uint8]:
    """Return images of random pixels, uint8 [images, h, w, c]."""
    random = np.random.default_rng(0)
    shape = (NOISE_IMAGES, image.height, image.width, image.channels)
    return random.integers(0, 256, shape, np.uint8)
