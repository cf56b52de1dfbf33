"""A converted file in, measurements of that very file in its own runtime out.

Reads convert's output, that of its float parent, the test split and train's float model. Writes files/,
contract.json, inspection.json, report.json, metrics.json, examples.csv, answers.npy, golden.json, resamples.json,
workload.json, placement.json, latency.csv. Never imports TensorFlow; only this stage reads the test split.
"""

import csv
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreprocessedImages
from edgebake.errors import CoverageError
from edgebake.evaluation import golden, quality
from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.evaluation.quality import MeasurementContext, PredictionSet
from edgebake.measurement import SLICE, Measurement, not_measured
from edgebake.recipe.stage_params import ValidateParams
from edgebake.runtimes import placement, workload
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.run_modes import HOST, RunMode
from edgebake.runtimes.session import IMAGE, Session, predictions, single_output
from edgebake.runtimes.session import Examples as Images
from edgebake.runtimes.workload import Uncounted, Workload
from edgebake.stages.job import Job
from edgebake.tasks import contract

THREADS = 1  # of accuracy runs; LiteRT and ONNX Runtime answer the same for any number
LATENCY_HEAD = "percentile,milliseconds\n"
# What is counted in the file, and its unit.
COUNTED = {"macs": "1", "parameters": "1", "activation_peak_mb": "MB"}
NO_BASELINE = "no gate of the target asks for it"


@dataclass(frozen=True)
class Test:
    """The test split, and the same as the model sees it, read as late as a file is asked about it."""

    examples: Examples
    prepared: PreprocessedImages


def run(job: Job) -> str:
    """Measure, write everything down and succeed; whether it is good enough is package's to say."""
    section: ValidateParams = job.section
    source = artifacts.opened(artifacts.folder("convert", section.convert))
    test = _test_split(section, source)
    for name in ("contract.json", "inspection.json"):
        shutil.copy(source / name, job.out)
    shutil.copytree(source / "files", job.out / "files")
    files = artifacts.read_files(source / "files")
    ways = load_runtime(section.runtime).run_modes(files)
    scored = _scored(job, test, files, ways)
    here, parent = _here(job), _parent(section)
    error, resamples = quality.expected_calibration_error(scored, here)
    counted = _counted(section.runtime, files)
    timing = _timing(job, ways)
    metrics = {
        **_size(section.runtime, files, here),
        **quality.measure(scored, here, parent),
        "expected_calibration_error": error,
        **_workload(counted, here),
        "speedup": not_measured("times", NO_BASELINE),
        **timing.metrics,
    }
    (job.out / "workload.json").write_text(workload.to_json(counted))
    _write_placement(job, files, counted)
    _write_examples(job.out, test, scored)
    _write_golden(job, test, scored, here)
    _write_latency(job.out, timing)
    _write(job, metrics, {"expected_calibration_error": resamples, **timing.resamples})
    return _line(metrics)


def _test_split(section: ValidateParams, source: Path) -> Test:
    agreed = contract.from_json((source / "contract.json").read_text())
    examples = dataset.read_split(section.data, section.examples, "test")
    return Test(examples, PreprocessedImages(examples.images, agreed))


def _scored(
    job: Job, test: Test, files: dict[str, bytes], ways: tuple[RunMode, ...]
) -> PredictionSet:
    """Return what the float parent, and the file in every way to run it, answer to the test split."""
    section: ValidateParams = job.section
    model = {load_runtime(section.reference_runtime).facts.file: _float_model(section).read_bytes()}
    reference = _probabilities(
        load_runtime(section.reference_runtime).load_session(model, THREADS), test.prepared
    )
    examples = test.prepared.unscaled() if _inspected(job)["dtype"] == IMAGE else test.prepared
    runtime = load_runtime(section.runtime)
    try:
        found = {
            way: _probabilities(runtime.load_session(files, THREADS, way.name), examples)
            for way in ways
        }
    except CoverageError as error:
        raise CoverageError(f"validate {job.variant}: {error}") from error
    return PredictionSet(test.examples.labels, reference, found)


def _float_model(section: ValidateParams) -> Path:
    return artifacts.opened(artifacts.folder("train", section.train)) / section.reference


def _here(job: Job) -> MeasurementContext:
    section: ValidateParams = job.section
    facts = load_runtime(section.runtime).facts
    return _place(facts.run_tools, section, job.out / "files" / facts.file)


def _parent(section: ValidateParams) -> MeasurementContext:
    return _place(
        load_runtime(section.reference_runtime).facts.run_tools, section, _float_model(section)
    )


def _place(tools: tuple[str, ...], section: ValidateParams, file: Path) -> MeasurementContext:
    runtime = ", ".join(f"{name} {section.tools[name]}" for name in tools)
    machine = (stopwatch.cpu_model(), stopwatch.os_name(), stopwatch.governor())
    return MeasurementContext(*machine, runtime, THREADS, stopwatch.digest(file))


def _size(
    runtime: str, files: dict[str, bytes], here: MeasurementContext
) -> dict[str, Measurement]:
    """Return the size of what an app opens, a file or a folder; what lies beside it is another form of the same."""
    opened = load_runtime(runtime).facts.file
    size = sum(
        len(content)
        for name, content in files.items()
        if name == opened or name.startswith(f"{opened}/")
    )
    return {"size_mb": Measurement(size / 1e6, "MB", "file", sha256=here.sha256)}


def _counted(runtime: str, files: dict[str, bytes]) -> Workload | Uncounted:
    try:
        return load_runtime(runtime).count_workload(files)
    except Uncounted as reason:
        return reason


def _workload(counted: Workload | Uncounted, here: MeasurementContext) -> dict[str, Measurement]:
    """Return how much the file computes, counted in the file itself."""
    if isinstance(counted, Uncounted):
        return {name: not_measured(unit, str(counted)) for name, unit in COUNTED.items()}
    values = (counted.macs, counted.parameters, counted.activation_peak_bytes / 1e6)
    numbers = zip(COUNTED.items(), values, strict=True)
    return {
        name: Measurement(value, unit, "file", sha256=here.sha256)
        for (name, unit), value in numbers
    }


def _write_placement(job: Job, files: dict[str, bytes], counted: Workload | Uncounted) -> None:
    """Write what every accelerator of the platform would run; nothing where nobody knows what an operator costs."""
    section: ValidateParams = job.section
    found = (
        placement.predict_placements(section.runtime, files, counted, section.platform)
        if isinstance(counted, Workload)
        else []
    )
    (job.out / "placement.json").write_text(
        json.dumps([asdict(one) for one in found], indent=2) + "\n"
    )


def _probabilities(session: Session, images: Images) -> NDArray[np.float32]:
    """Return the probabilities [n, classes] that a file gives for images [n, h, w, c]."""
    return single_output(predictions(session, images))


def _inspected(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.out / "inspection.json").read_text())["input"]
    return found


def _timing(job: Job, ways: tuple[RunMode, ...]) -> TimingResult:
    section: ValidateParams = job.section
    baseline = (
        artifacts.opened(artifacts.folder("convert", section.baseline)) / "files"
        if section.speedup
        else None
    )
    timed = TimingRequest(section.runtime, job.out / "files", baseline, ways, section)
    timing: TimingResult = plugins.load("validate.where", section.where).measure(timed)
    return timing


def _write_examples(out: Path, test: Test, scored: PredictionSet) -> None:
    """Write a row per example: its label and columns, what the file and its float parent answer, and how surely."""
    classes, columns = test.examples.classes, test.examples.columns
    head = [
        "label",
        "answer",
        "float_answer",
        "confidence",
        *(f"{SLICE}{name}" for name in columns),
    ]
    picked = (
        scored.labels,
        scored.predictions.argmax(axis=1),
        scored.float_predictions.argmax(axis=1),
    )
    named = [[classes[number] for number in numbers] for numbers in picked]
    surely = [f"{one:.6f}" for one in scored.confidences]
    with (out / "examples.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([head, *zip(*named, surely, *columns.values(), strict=True)])
    np.save(out / "answers.npy", scored.predictions)


def _write_golden(job: Job, test: Test, scored: PredictionSet, here: MeasurementContext) -> None:
    """Write what an app holds itself against: a few of the examples, with what the file took and gave."""
    inspection = json.loads((job.out / "inspection.json").read_text())
    agreed = contract.from_json((job.out / "contract.json").read_text())
    file = golden.ConvertedFile(here.sha256, job.section.platform, inspection, agreed)
    content = golden.build_vectors(file, test.examples, scored.predictions)
    (job.out / "golden.json").write_text(json.dumps(content, indent=2) + "\n")


def _write_latency(out: Path, timing: TimingResult) -> None:
    percentiles = range(1, 100) if timing.latencies_ms else ()
    rows = zip(percentiles, np.percentile(timing.latencies_ms or [0.0], percentiles), strict=True)
    (out / "latency.csv").write_text(LATENCY_HEAD + "".join(f"{p},{ms:.6f}\n" for p, ms in rows))


def _write(job: Job, metrics: dict[str, Measurement], resamples: dict[str, list[float]]) -> None:
    section: ValidateParams = job.section
    report: dict[str, Any] = {
        "variant": job.variant,
        "convert": section.convert,
        "runtime": section.runtime,
        "metrics": {name: metric.to_dict() for name, metric in metrics.items()},
    }
    numbers = {name: metric.value for name, metric in metrics.items() if metric.value is not None}
    (job.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (job.out / "metrics.json").write_text(json.dumps(numbers, indent=2) + "\n")
    rounded = {
        name: [float(f"{value:.6g}") for value in values] for name, values in resamples.items()
    }
    (job.out / "resamples.json").write_text(json.dumps(rounded) + "\n")


def _line(metrics: dict[str, Measurement]) -> str:
    accuracy, latency = metrics["accuracy"], metrics["latency_p90_ms"]
    where = "" if accuracy.where == HOST else f" {accuracy.where}"
    timed = (
        "not measured"
        if latency.value is None
        else f"{latency.value:.3f} ms on {_named(latency.where)}"
    )
    return f"accuracy {accuracy.value:.4f}{where}, p90 {timed}"


def _named(where: str) -> str:
    return "this host" if where == HOST else where
