"""Convert a quantized model to the file of one runtime, and check the file.

Reads quantize's output, and examples of the validation split. Writes files/, contract.json,
inspection.json, comparison.json; stripped.json if names were stripped.
"""

import shutil
from collections import Counter
from dataclasses import asdict, replace

from edgebake import artifacts
from edgebake.compression.quantization.calibration_data import CalibrationData
from edgebake.errors import ConversionError, CoverageError, UnsuitedError, listed
from edgebake.models import converter_errors, keras_session
from edgebake.models.normalizations import has_normalization
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.float_share import FloatShare
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import Inspection
from edgebake.runtimes.workload import Uncounted
from edgebake.stages import convert_check, verdicts
from edgebake.stages.convert_check import ConvertedModel
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.task import load_task

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
Files = dict[str, bytes]  # path -> content


def run(job: Job[ConvertParams]) -> str:
    """Convert the model, and check operators, weights and predictions of the file.

    Raises:
        UnsuitedError: the scheme does not suit the model; the verdicts of its targets say why.
        ConversionError: the model cannot be converted, or the file is not as it should be.
        CoverageError: the executor of Core ML packages lacks an operator.
    """
    try:
        return _convert(job)
    except UnsuitedError as error:
        verdicts.reject_converted(job.variant, str(error))
        raise
    except CoverageError as error:  # calibration and the comparison run the model
        raise CoverageError(f"convert {job.variant}: {error}") from error


def _convert(job: Job[ConvertParams]) -> str:
    params = job.params
    source = artifacts.verify(artifacts.folder("quantize", params.quantize))
    model_contract = contract.from_json((source / "contract.json").read_text())
    quantized = QuantizedModel.from_files(artifacts.read_files(source), model_contract.ends)
    if params.format == "keras":
        keras_session.start(THREADS)
    runtime = load_runtime(params.runtime)
    quantized = _with_ranges_of_file(quantized, params, model_contract)
    files = _convert_model(job, quantized, model_contract)
    size = f"{_size(files):,} bytes"
    if params.strip:  # first: the file that is inspected, compared and measured is the one to ship
        files, size = _strip(job, files)
    inspection = runtime.inspect_files(files)
    check_integer_operators(job.variant, quantized, inspection, runtime.facts.int8_operators)
    check_weight_dtype(job.variant, quantized, inspection)
    converted = ConvertedModel(
        variant=job.variant,
        file=RuntimeFile(f"convert {job.variant}: {runtime.facts.file}", params.runtime, files),
        input_dtypes={tensor.name: tensor.dtype for tensor in inspection.inputs},
        output=inspection.output.name,
        source=quantized,
        float_dtype=convert_check.float_dtype(quantized, params),
        task=load_task(model_contract.task),
    )
    examples = convert_check.read_examples(params, model_contract)
    comparison = convert_check.check_predictions(converted, examples)
    artifacts.write_files(job.out / "files", files)
    document = inspection.to_dict()
    in_float = ""
    share = float_share(converted, inspection)
    if share:
        document["in_float"] = share.to_dict()
        in_float = f", {share.text()}"
    job.write_json("inspection.json", document)
    job.write_json("comparison.json", asdict(comparison))
    shutil.copy(source / "contract.json", job.out)
    return (
        f"{size}, {len(inspection.operators)} operators, input {inspection.input.dtype}{in_float}, "
        f"answers as the model for {comparison.same} of {comparison.n} validation examples"
    )


def float_share(converted: ConvertedModel, inspection: Inspection) -> FloatShare | None:
    """Return what stays in float; None for schemes that leave nothing there by intention.

    Raises:
        UnsuitedError: it is more than the recipe allows.
    """
    quantized, file = converted.source, converted.file
    fallback = quantized.fallback
    if quantized.activations not in INTEGERS:
        return None
    is_expected = fallback.names or quantized.fallback_layers
    if not is_expected and not has_normalization(inspection.float_operators()):
        return None
    runtime = load_runtime(file.runtime)
    kinds = _float_kinds(inspection, runtime.facts.int8_operators)
    try:
        share = FloatShare.of_file(kinds, runtime.count_workload(file.files))
    except Uncounted as reason:
        share = FloatShare.of_file(kinds, reason)
    if fallback.names and not quantized.fallback_layers:
        try:
            share.check(fallback.limit)
        except UnsuitedError as error:
            raise UnsuitedError(f"{file.name}: {error}") from None
    return share


def _float_kinds(inspection: Inspection, integer_operators: frozenset[str] | None) -> list[str]:
    """Return the kind of each operator that computes in float, casts and moves aside."""
    exempt = MOVE_OPERATORS | CASTS
    kinds = [name for name in inspection.float_operators() if name not in exempt]
    if integer_operators is not None:
        kinds = [name for name in kinds if name in integer_operators]
    return kinds


def _convert_model(
    job: Job[ConvertParams], quantized: QuantizedModel, model_contract: Contract
) -> Files:
    """Return the files of the runtime.

    Raises:
        UnsuitedError: the runtime has no kernel of the scheme for an operator of the model.
        ConversionError: the runtime's converter cannot convert the model, or failed.
    """
    name = job.params.runtime
    try:
        with converter_errors.in_one_line(name):
            return load_runtime(name).convert_model(quantized, model_contract, job.params)
    except ConversionError as error:
        raise type(error)(f"convert {job.variant}: {error}") from error


def _with_ranges_of_file(
    quantized: QuantizedModel, params: ConvertParams, model_contract: Contract
) -> QuantizedModel:
    """Add the activation ranges of values that only the runtime's own float file computes.

    They are calibrated as the model was, on the same samples.
    """
    if quantized.ranges is None:
        return quantized
    file = load_runtime(params.runtime).calibrated_file(quantized)
    if file is None:
        return quantized
    options = stage_params.read("quantize", params.quantize)
    source = CalibrationData(quantized.archive, model_contract, options)
    ranges = source.complete_ranges(quantized.ranges, file)
    return replace(quantized, ranges=ranges)


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

    Casts at input and output are exempt, and the operators of normalizations. With fallback layers,
    as many operators more may be float.

    Args:
        variant: of convert, for the error.
        quantized: the model that was converted.
        inspection: of the converted file.
        integer_operators: those that the runtime has integer kernels for; none: all.

    Raises:
        UnsuitedError: an operator computes in float.
    """
    if quantized.activations not in INTEGERS:
        return
    if quantized.fallback.names:
        return  # a name takes its neighbors along: the encoder has refused all others
    floats = _unexpected_floats(quantized, inspection)
    if integer_operators is not None:
        floats = [name for name in floats if name in integer_operators]
    allowed = sum(len(values) for values in quantized.fallback_layers.values())
    if len(floats) > allowed:
        exception = ""
        if quantized.fallback_layers:
            exception = f", except for the fallback layers: {listed(quantized.fallback_layers)}"
        raise UnsuitedError(
            f"convert {variant}: these operators stayed in float: {listed(set(floats))}; "
            f"expected {quantized.activations} from input to output{exception}"
        )


def _unexpected_floats(quantized: QuantizedModel, inspection: Inspection) -> list[str]:
    """Return the kind of each operator in float that is not one of a normalization."""
    exempt = MOVE_OPERATORS
    if quantized.fallback_layers or inspection.normalizations:
        exempt = MOVE_OPERATORS | CASTS  # they stand between floats and integers
    left = Counter(name for name in inspection.float_operators() if name not in exempt)
    left -= Counter(inspection.normalizations)
    return list(left.elements())


def check_weight_dtype(variant: str, quantized: QuantizedModel, inspection: Inspection) -> None:
    """Check that some tensor has the dtype of the scheme's weights.

    Converters leave small weights in float: LiteRT those of fewer than 1,024 values.

    Raises:
        UnsuitedError: no tensor has that dtype.
    """
    expected = STORED_DTYPES[quantized.weights]
    if set(expected).isdisjoint(inspection.tensors):
        raise UnsuitedError(
            f"convert {variant}: no weight became {quantized.weights}, the file holds: "
            f"{listed(inspection.tensors)}; expected some: "
            f"the model may be too small for the scheme {quantized.scheme}"
        )
