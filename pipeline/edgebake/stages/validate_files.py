"""Files of `validate` with its measurements and predictions.

Writes examples.csv, answers.npy, latency.csv, report.json, metrics.json and resamples.json.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data.dataset import Examples
from edgebake.data.formula_cells import to_cell
from edgebake.evaluation.float_reference import FloatReference
from edgebake.evaluation.quality import PredictionSet
from edgebake.measurement import SLICE, Measurement
from edgebake.recipe.stage_params import ValidateParams
from edgebake.stages.job import Job

LATENCY_HEADER = "percentile,milliseconds\n"

Metrics = dict[str, Measurement]


def write_predictions(out: Path, examples: Examples, predicted: PredictionSet) -> None:
    """Write a row per example: name, label, predicted classes, confidence, dataset's columns."""
    header = ["name", "label", "answer", "float_answer", "confidence"]
    for name in examples.columns:
        header.append(f"{SLICE}{name}")
    columns = []
    for values in examples.columns.values():
        columns.append([to_cell(value) for value in values])
    predicted_classes = predicted.predictions.argmax(axis=1)
    float_classes = predicted.float_predictions.argmax(axis=1)
    rows = zip(
        [to_cell(name) for name in examples.names],
        _class_names(examples, predicted.labels),
        _class_names(examples, predicted_classes),
        _class_names(examples, float_classes),
        [f"{confidence:.6f}" for confidence in predicted.confidences],
        *columns,
        strict=True,
    )
    table = out / "examples.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    np.save(out / "answers.npy", predicted.predictions)


def _class_names(examples: Examples, numbers: NDArray[np.int64]) -> list[str]:
    return [to_cell(examples.classes[number]) for number in numbers]


def write_latency(job: Job[ValidateParams], latencies_ms: Sequence[float]) -> None:
    """Write the percentiles of the latencies, 1 to 99, for the plot."""
    lines = [LATENCY_HEADER]
    if latencies_ms:
        percentiles = range(1, 100)
        milliseconds = np.percentile(latencies_ms, percentiles)
        for percentile, value in zip(percentiles, milliseconds, strict=True):
            lines.append(f"{percentile},{value:.6f}\n")
    job.write_text("latency.csv", "".join(lines))


def write_report(job: Job[ValidateParams], metrics: Metrics, reference: FloatReference) -> None:
    """Write every measurement, the values alone of those that were measured, and the reference.

    The values alone leave out what was timed beside other work: they would have no mark. The
    report repeats what the stage `data` says of the smallest and of untested classes.
    """
    data = artifacts.read_json(artifacts.folder("data", job.params.examples) / "data.json")
    fields = {}
    values = {}
    for name, metric in metrics.items():
        fields[name] = metric.to_dict()
        if metric.value is not None and not metric.disturbed_by:
            values[name] = metric.value
    report = {
        "variant": job.variant,
        "convert": job.params.convert,
        "runtime": job.params.runtime,
        "smallest_class": data["smallest_class"],
        "untested_classes": data["untested_classes"],
        "float_reference": asdict(reference),
        "metrics": fields,
    }
    job.write_json("report.json", report)
    job.write_json("metrics.json", values)


def write_resamples(job: Job[ValidateParams], resamples: dict[str, list[float]]) -> None:
    """Write the resamples of metrics, rounded to 6 digits."""
    rounded = {}
    for name, values in resamples.items():
        rounded[name] = [float(f"{value:.6g}") for value in values]
    job.write_text("resamples.json", json.dumps(rounded) + "\n")
