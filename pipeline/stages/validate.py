"""A converted file in, measurements of that very file in its own runtime out.

Reads convert's output, the test split and train's float.tflite. Writes files/, contract.json, inspection.json,
report.json, metrics.json, confusion.csv, latency.csv. Never imports TensorFlow; only this stage reads the test split.
"""

import importlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import artifacts, contract, plugins
from pipeline.dataset import split
from pipeline.errors import CoverageError
from pipeline.job import Job
from pipeline.measurement import Measurement, cpu_model, not_measured
from pipeline.runtimes import litert
from pipeline.sections import ValidateSection
from pipeline.tasks import classification
from pipeline.tensors import IMAGE, answers
from pipeline.timing import Timed
from pipeline.ways import HOST, Way

THREADS = 1  # of accuracy runs; LiteRT and ONNX Runtime answer the same for any number
LATENCY_HEAD = "percentile,milliseconds\n"
# What gates may ask of a timing, and its unit.
TIMED = {"latency_p95_ms": "ms", "frames_per_second": "1/s", "peak_memory_mb": "MB"}


@dataclass(frozen=True)
class Test:
    """The test split, as pixels and as the model sees them."""

    pixels: NDArray[np.uint8]  # [n, h, w, c]
    images: NDArray[np.float32]  # [n, h, w, c]
    labels: NDArray[np.int64]  # [n]
    classes: list[str]


def run(job: Job) -> str:
    """Measure, write everything down and succeed; whether it is good enough is package's to say."""
    section: ValidateSection = job.section
    source = artifacts.opened(artifacts.folder("convert", section.convert))
    test = _test_split(section, source)
    for name in ("contract.json", "inspection.json"):
        shutil.copy(source / name, job.out)
    shutil.copytree(source / "files", job.out / "files")
    files = artifacts.read_files(source / "files")
    ways = _runtime(section.runtime).ways(files)
    reference = _float_answers(section, test)
    metrics = _size(section.runtime, files)
    metrics["float_accuracy"] = _share(classification.accuracy(reference, test.labels), HOST, test)
    try:
        found = _answers(job, test, files, ways)
    except CoverageError as error:
        raise CoverageError(f"validate {job.variant}: {error}") from error
    _write_confusion(job.out, test, found[0])
    metrics |= _scores(test, reference, dict(zip(ways, found, strict=True)))
    metrics |= _timing(job, ways)
    accuracy = metrics["accuracy"]
    metrics["loss"] = replace(accuracy, value=(metrics["float_accuracy"].value or 0) - (accuracy.value or 0))
    _write(job, metrics)
    return _line(metrics)


def _test_split(section: ValidateSection, source: Path) -> Test:
    agreed = contract.from_json((source / "contract.json").read_text())
    examples = split(plugins.load("data.source", section.data.source).load(section.data), section.data, "test")
    pixels = agreed.resized(examples.images)
    return Test(pixels, agreed.scaled(pixels), examples.labels, examples.classes)


def _size(runtime: str, files: dict[str, bytes]) -> dict[str, Measurement]:
    """Return the size of what an app opens, a file or a folder; what lies beside it is another form of the same."""
    opened = plugins.load("convert.runtime", runtime).FILE
    size = sum(len(content) for name, content in files.items() if name == opened or name.startswith(f"{opened}/"))
    return {"size_mb": Measurement(size / 1e6, "MB", "file")}


def _float_answers(section: ValidateSection, test: Test) -> NDArray[np.float32]:
    model = artifacts.opened(artifacts.folder("train", section.train)) / "float.tflite"
    return answers(_runtime("litert").load({litert.FILE: model.read_bytes()}, THREADS), test.images)


def _answers(job: Job, test: Test, files: dict[str, bytes], ways: tuple[Way, ...]) -> list[NDArray[np.float32]]:
    """Return the probabilities [n, classes] in every way to run the files."""
    examples = test.pixels if _inspected(job)["dtype"] == IMAGE else test.images
    return [answers(_runtime(job.section.runtime).load(files, THREADS, way.name), examples) for way in ways]


def _scores(
    test: Test, reference: NDArray[np.float32], found: dict[Way, NDArray[np.float32]]
) -> dict[str, Measurement]:
    """Return accuracy in every way, and how often the first agrees on the best label with float and with the others."""
    first, *others = found
    metrics = {
        way.named("accuracy"): _share(classification.accuracy(found[way], test.labels), way.where, test)
        for way in found
    }
    for way in others:
        same = classification.agreement(found[way], found[first])
        metrics[way.named("agreement")] = _share(same, way.where, test)
    same = classification.agreement(found[first], reference)
    return metrics | {"agreement_with_float": _share(same, first.where, test)}


def _write_confusion(out: Path, test: Test, probabilities: NDArray[np.float32]) -> None:
    actual = [test.classes[i] for i in test.labels]
    predicted = [test.classes[i] for i in probabilities.argmax(axis=1)]
    rows = "".join(f"{one},{other}\n" for one, other in zip(actual, predicted, strict=True))
    (out / "confusion.csv").write_text(f"actual,predicted\n{rows}")


def _runtime(name: str) -> ModuleType:
    return importlib.import_module(f"pipeline.runtimes.{name}.run")


def _inspected(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.out / "inspection.json").read_text())["input"]
    return found


def _share(value: float, where: str, test: Test) -> Measurement:
    return Measurement(value, "share", where, cpu_model(), THREADS, len(test.labels))


def _timing(job: Job, ways: tuple[Way, ...]) -> dict[str, Measurement]:
    section: ValidateSection = job.section
    if ways[0].untimed:
        (job.out / "latency.csv").write_text(LATENCY_HEAD)
        return {name: not_measured(unit, ways[0].untimed) for name, unit in TIMED.items()}
    found = _inspected(job)
    timed = Timed(
        section.runtime, job.out / "files", found["shape"], found["dtype"] == IMAGE, ways, section.warmup, section.runs
    )
    timing = plugins.load("validate.where", section.where).measure(timed)
    percentiles = range(1, 100)
    rows = zip(percentiles, np.percentile(timing.latencies_ms, percentiles), strict=True)
    (job.out / "latency.csv").write_text(LATENCY_HEAD + "".join(f"{p},{ms:.6f}\n" for p, ms in rows))
    metrics: dict[str, Measurement] = timing.metrics
    return metrics


def _write(job: Job, metrics: dict[str, Measurement]) -> None:
    section: ValidateSection = job.section
    report: dict[str, Any] = {
        "variant": job.variant,
        "convert": section.convert,
        "runtime": section.runtime,
        "metrics": {name: metric.to_dict() for name, metric in metrics.items()},
    }
    numbers = {name: metric.value for name, metric in metrics.items() if metric.value is not None}
    (job.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (job.out / "metrics.json").write_text(json.dumps(numbers, indent=2) + "\n")


def _line(metrics: dict[str, Measurement]) -> str:
    accuracy, latency = metrics["accuracy"], metrics["latency_p95_ms"]
    where = "" if accuracy.where == HOST else f" {accuracy.where}"
    timed = "not measured" if latency.value is None else f"{latency.value:.3f} ms on this host"
    return f"accuracy {accuracy.value:.4f}{where}, p95 {timed}"
