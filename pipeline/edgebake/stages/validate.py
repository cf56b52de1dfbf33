"""Measure a converted file in its own runtime: accuracy, latency, size and workload.

Reads convert's output, that of its float parent, the test split and train's float reference. Writes
files/, contract.json, inspection.json, report.json, metrics.json, examples.csv, answers.npy, rows/,
golden.json, resamples.json, workload.json, placement.json, latency.csv. Never imports TensorFlow;
no other stage reads the test split.
"""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebake import artifacts, plugins
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreparedInputs, prepare
from edgebake.errors import CoverageError
from edgebake.evaluation import float_reference, golden, quality, reference_choice
from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.evaluation.quality import MeasurementContext, Scored
from edgebake.evaluation.statistics.resampling import Clusters, clusters_of
from edgebake.measurement import Measurement, not_measured
from edgebake.recipe.stage_params import ValidateParams
from edgebake.runtimes import finite_check, placement, workload
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.run_modes import HOST, RunMode
from edgebake.runtimes.session import inputs_of, single_output
from edgebake.runtimes.session_process import SessionProcess
from edgebake.runtimes.workload import Uncounted, Workload
from edgebake.stages import validate_files, validate_stream
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.task import load_task

THREADS = 1  # for accuracy; LiteRT and ONNX Runtime predict the same with any number
WORKLOAD_UNITS = {"macs": "1", "parameters": "1", "activation_peak_mb": "MB"}
CALIBRATION_ERROR = "expected_calibration_error"
NO_BASELINE = "no gate of the target requires it"

Files = dict[str, bytes]  # path -> content
Metrics = dict[str, Measurement]


@dataclass(frozen=True)
class TestSplit:
    """The test split, and its images as the model expects them, preprocessed when they are read."""

    examples: Examples
    inputs: PreparedInputs
    contract: Contract


def run(job: Job[ValidateParams]) -> str:
    """Measure the file and write the measurements; `package` judges them."""
    params = job.params
    source = artifacts.verify(artifacts.folder("convert", params.convert))
    test = _read_test_split(params, source)
    files = _copy_files(job, source)
    runtime = load_runtime(params.runtime)
    modes = runtime.run_modes(files)
    scored = _predict(job, test, files, modes)
    context = _context(job)
    counted = _count_workload(params.runtime, files)
    timing = _time(job, modes)
    metrics = {
        **_size(params.runtime, files, context),
        **quality.measure(scored, context, _float_context(params)),
        **_workload_metrics(counted, context),
        **_false_alarms(job, test, files, context),
        "speedup": not_measured("times", NO_BASELINE),
        **timing.metrics,
    }
    resamples = dict(timing.resamples)
    error = quality.calibration_error(scored, context)
    if error is not None:
        metrics[CALIBRATION_ERROR], resamples[CALIBRATION_ERROR] = error
    job.write_text("workload.json", workload.to_json(counted))
    _write_placements(job, files, counted)
    validate_files.write_answers(job.out, test.examples, scored)
    validate_files.write_rows(job.out, scored)
    _write_golden_vectors(job, test, scored, context)
    validate_files.write_latency(job, timing.latencies_ms)
    reference = float_reference.read(_train_folder(params))
    validate_files.write_report(job, metrics, reference)
    validate_files.write_resamples(job, resamples)
    return _line(metrics, scored.task.METRICS[0].word)


def _read_test_split(params: ValidateParams, source: Path) -> TestSplit:
    contract_file = source / "contract.json"
    model_contract = contract.from_json(contract_file.read_text())
    examples = dataset.read_split(params.data, params.examples, "test")
    inputs = prepare(examples.inputs, model_contract)
    return TestSplit(examples, inputs, model_contract)


def _copy_files(job: Job[ValidateParams], source: Path) -> Files:
    """Copy the converted file, its contract and its inspection; return the file's parts."""
    for name in ("contract.json", "inspection.json"):
        shutil.copy(source / name, job.out)
    shutil.copytree(source / "files", job.out / "files")
    return artifacts.read_files(source / "files")


def _predict(
    job: Job[ValidateParams], test: TestSplit, files: Files, modes: tuple[RunMode, ...]
) -> Scored:
    """Run the float reference, and the file in each run mode, on the test split."""
    float_predictions = reference_choice.predictions(_train_folder(job.params), test.inputs)
    tensors = inputs_of(_inspection(job))
    examples = test.inputs.fed_to({tensor.name: tensor.dtype for tensor in tensors})
    converted = _converted(job.params, files)
    (output,) = test.contract.ends.outputs
    by_mode = {}
    try:
        with SessionProcess() as process:
            for mode in modes:
                loaded = converted.session_file(THREADS, mode.name)
                outputs = process.predictions(loaded, examples)
                finite_check.refuse_not_finite(converted, outputs, examples)
                by_mode[mode] = {output: single_output(outputs)}
    except CoverageError as error:
        raise CoverageError(f"validate {job.variant}: {error}") from error
    return Scored(
        task=load_task(test.contract.task),
        truths=test.examples.labels,
        float_outputs={output: float_predictions},
        by_mode=by_mode,
        clusters=_clusters(job.params, test.examples),
    )


def _false_alarms(
    job: Job[ValidateParams], test: TestSplit, files: Files, context: MeasurementContext
) -> Metrics:
    converted = _converted(job.params, files)
    return validate_stream.measure(job, test.examples, test.contract, converted, context)


def _converted(params: ValidateParams, files: Files) -> RuntimeFile:
    file = load_runtime(params.runtime).facts.file
    name = str(artifacts.folder("convert", params.convert) / "files" / file)
    return RuntimeFile(name, params.runtime, files)


def _clusters(params: ValidateParams, examples: Examples) -> Clusters | None:
    """Return the groups that no two splits share, in which examples are not independent."""
    column = params.data.splits.column
    if column is None:
        return None
    return clusters_of(column, examples.columns[column])


def _train_folder(params: ValidateParams) -> Path:
    return artifacts.verify(artifacts.folder("train", params.train))


def _context(job: Job[ValidateParams]) -> MeasurementContext:
    """Return the context of measurements of the converted file."""
    facts = load_runtime(job.params.runtime).facts
    file = job.out / "files" / facts.file
    tools = {name: job.params.tools[name] for name in facts.run_tools}
    return _context_of(tools, file)


def _float_context(params: ValidateParams) -> MeasurementContext:
    """Return the context of measurements of the float reference."""
    folder = _train_folder(params)
    reference = float_reference.read(folder)
    file = folder / float_reference.FOLDER / reference.file
    return _context_of(reference.tools, file)


def _context_of(tools: dict[str, str], file: Path) -> MeasurementContext:
    versions = [f"{name} {version}" for name, version in tools.items()]
    return MeasurementContext(
        device=stopwatch.cpu_model(),
        os=stopwatch.os_name(),
        governor=stopwatch.governor(),
        runtime=", ".join(versions),
        threads=THREADS,
        sha256=stopwatch.digest(file),
    )


def _size(runtime: str, files: Files, context: MeasurementContext) -> Metrics:
    """Return the size of the file or folder that an app opens; other forms of it do not count."""
    opened = load_runtime(runtime).facts.file
    folder = f"{opened}/"
    size = 0
    for name, data in files.items():
        if name == opened or name.startswith(folder):
            size += len(data)
    measurement = Measurement(value=size / 1e6, unit="MB", where="file", sha256=context.sha256)
    return {"size_mb": measurement}


def _count_workload(runtime: str, files: Files) -> Workload | Uncounted:
    try:
        return load_runtime(runtime).count_workload(files)
    except Uncounted as reason:
        return reason


def _workload_metrics(counted: Workload | Uncounted, context: MeasurementContext) -> Metrics:
    """Return the multiply-accumulates, parameters and peak of activations of the file."""
    if isinstance(counted, Uncounted):
        reason = str(counted)
        metrics = {}
        for name, unit in WORKLOAD_UNITS.items():
            metrics[name] = not_measured(unit, reason)
        return metrics
    values = {
        "macs": counted.macs,
        "parameters": counted.parameters,
        "activation_peak_mb": counted.activation_peak_bytes / 1e6,
    }
    metrics = {}
    for name, value in values.items():
        metrics[name] = Measurement(
            value=value, unit=WORKLOAD_UNITS[name], where="file", sha256=context.sha256
        )
    return metrics


def _inspection(job: Job[ValidateParams]) -> dict[str, Any]:
    inspection: dict[str, Any] = artifacts.read_json(job.out / "inspection.json")
    return inspection


def _time(job: Job[ValidateParams], modes: tuple[RunMode, ...]) -> TimingResult:
    params = job.params
    baseline = None
    if params.speedup:
        folder = artifacts.folder("convert", params.float_parent)
        baseline = artifacts.verify(folder) / "files"
    largest = _largest_ids(contract.from_json((job.out / "contract.json").read_text()))
    request = TimingRequest(params.runtime, job.out / "files", baseline, modes, params, largest)
    device = plugins.load("validate.where", params.where)
    timing: TimingResult = device.measure(request)
    return timing


def _largest_ids(model_contract: Contract) -> dict[str, int]:
    """Return the largest number of each integer input by its name."""
    largest = {}
    for spec in model_contract.ends.inputs:
        if spec.highest is not None:
            largest[spec.name] = spec.highest
    return largest


def _write_placements(
    job: Job[ValidateParams], files: Files, counted: Workload | Uncounted
) -> None:
    """Write what each accelerator of the platform would run, if the file's workload is known."""
    params = job.params
    placements = []
    if isinstance(counted, Workload):
        placements = placement.predict_placements(params.runtime, files, counted, params.platform)
    job.write_json("placement.json", [asdict(predicted) for predicted in placements])


def _write_golden_vectors(
    job: Job[ValidateParams], test: TestSplit, scored: Scored, context: MeasurementContext
) -> None:
    platform = job.params.platform
    file = golden.ConvertedFile(context.sha256, platform, _inspection(job), test.contract)
    inputs = {test.contract.single_input.name: test.examples.inputs}
    vectors = golden.build_vectors(file, test.examples, inputs, scored.outputs)
    job.write_json("golden.json", vectors)


def _line(metrics: Metrics, score_word: str) -> str:
    score = metrics[score_word]
    line = f"{score_word} {score.value:.4f}"
    if score.where != HOST:
        line += f" {score.where}"
    tied = metrics["tied_answers"].value
    if tied:
        line += f", {tied:.1%} of the answers tied"
    latency = _latency_text(metrics["latency_p90_ms"])
    return f"{line}, p90 {latency}"


def _latency_text(latency: Measurement) -> str:
    if latency.value is None:
        return "not measured"
    where = "this host" if latency.where == HOST else latency.where
    text = f"{latency.value:.3f} ms on {where}"
    if latency.disturbed_by:
        text += f", next to other work: {latency.disturbed_by}"
    return text
