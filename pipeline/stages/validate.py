"""A converted file in, measurements of that very file in its own runtime out.

Reads convert's output, the test split and train's float.tflite. Writes files/, contract.json, inspection.json,
report.json, metrics.json, confusion.csv, latency.csv. Never imports TensorFlow; only this stage reads the test split.
"""

import importlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import artifacts, contract, plugins
from pipeline.dataset import split
from pipeline.errors import NotMeasurable
from pipeline.job import Job
from pipeline.measurement import Measurement, cpu_model, not_measured
from pipeline.runtimes import litert
from pipeline.sections import ValidateSection
from pipeline.tasks import classification
from pipeline.tensors import Session
from pipeline.timing import Timed

THREADS = 1  # of accuracy runs; LiteRT and ONNX Runtime answer the same for any number


@dataclass(frozen=True)
class Test:
    """The test split as the model sees it."""

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
    metrics = _size(source / "files") | _float_accuracy(section, test)
    try:
        metrics |= _answers(job, test, metrics) | _timing(job)
    except NotMeasurable as reason:
        metrics |= _nothing_measured(str(reason))
        _write_plots(job.out, "actual,predicted\n", "percentile,milliseconds\n")
    _write(job, metrics)
    return _line(metrics)


def _test_split(section: ValidateSection, source: Path) -> Test:
    agreed = contract.from_json((source / "contract.json").read_text())
    examples = split(plugins.load("data.source", section.data.source).load(section.data), section.data, "test")
    return Test(agreed.prepare(examples.images), examples.labels, examples.classes)


def _size(files: Path) -> dict[str, Measurement]:
    size = sum(map(len, artifacts.read_files(files).values()))
    return {"size_mb": Measurement(size / 1e6, "MB", "file")}


def _float_accuracy(section: ValidateSection, test: Test) -> dict[str, Measurement]:
    model = artifacts.opened(artifacts.folder("train", section.train)) / "float.tflite"
    session = _load("litert", {litert.FILE: model.read_bytes()})
    return {"float_accuracy": _accuracy(_predict(session, test), test)}


def _answers(job: Job, test: Test, metrics: dict[str, Measurement]) -> dict[str, Measurement]:
    session = _load(job.section.runtime, artifacts.read_files(job.out / "files"))
    probabilities = _predict(session, test)
    actual = [test.classes[i] for i in test.labels]
    predicted = [test.classes[i] for i in probabilities.argmax(axis=1)]
    rows = "".join(f"{one},{other}\n" for one, other in zip(actual, predicted, strict=True))
    (job.out / "confusion.csv").write_text(f"actual,predicted\n{rows}")
    accuracy = _accuracy(probabilities, test)
    loss = (metrics["float_accuracy"].value or 0) - (accuracy.value or 0)
    return {"accuracy": accuracy, "loss": Measurement(loss, "share", "host", cpu_model(), THREADS, len(test.labels))}


def _load(runtime: str, files: dict[str, bytes]) -> Session:
    session: Session = importlib.import_module(f"pipeline.runtimes.{runtime}.run").load(files, THREADS)
    return session


def _predict(session: Session, test: Test) -> NDArray[np.float32]:
    answers = []
    for i in range(len(test.labels)):
        session.feed(test.images[i : i + 1])
        session.invoke()
        answers.append(session.read()[0].copy())
    return np.stack(answers)


def _accuracy(probabilities: NDArray[np.float32], test: Test) -> Measurement:
    value = classification.accuracy(probabilities, test.labels)
    return Measurement(value, "share", "host", cpu_model(), THREADS, len(test.labels))


def _timing(job: Job) -> dict[str, Measurement]:
    section: ValidateSection = job.section
    shape = json.loads((job.out / "inspection.json").read_text())["input"]["shape"]
    timed = Timed(section.runtime, job.out / "files", shape, section.warmup, section.runs)
    found = plugins.load("validate.where", section.where).measure(timed)
    percentiles = range(1, 100)
    rows = zip(percentiles, np.percentile(found.latencies_ms, percentiles), strict=True)
    (job.out / "latency.csv").write_text("percentile,milliseconds\n" + "".join(f"{p},{ms:.6f}\n" for p, ms in rows))
    metrics: dict[str, Measurement] = found.metrics
    return metrics


def _nothing_measured(reason: str) -> dict[str, Measurement]:
    units = {
        "accuracy": "share",
        "loss": "share",
        "latency_p95_ms": "ms",
        "frames_per_second": "1/s",
        "peak_memory_mb": "MB",
    }
    return {name: not_measured(unit, reason) for name, unit in units.items()}


def _write_plots(out: Path, confusion: str, latency: str) -> None:
    (out / "confusion.csv").write_text(confusion)
    (out / "latency.csv").write_text(latency)


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
    if metrics["accuracy"].value is None:
        return f"not measured: {metrics['accuracy'].reason}"
    return f"accuracy {metrics['accuracy'].value:.4f}, p95 {metrics['latency_p95_ms'].value:.3f} ms on this host"
