"""Files of `validate` with its measurements and predictions.

Writes examples.csv, answers.npy, rows/, latency.csv, report.json, metrics.json and resamples.json.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from edgebake import artifacts
from edgebake.data.dataset import Examples
from edgebake.data.formula_cells import to_cell
from edgebake.evaluation.float_reference import FloatReference
from edgebake.evaluation.gates import metric_rows
from edgebake.evaluation.gates.metric_rows import MetricRows
from edgebake.evaluation.quality import Scored
from edgebake.measurement import GROUP, SLICE, Measurement
from edgebake.recipe.stage_params import ValidateParams
from edgebake.stages.job import Job

LATENCY_HEADER = "percentile,milliseconds\n"

Metrics = dict[str, Measurement]


def write_answers(out: Path, examples: Examples, scored: Scored) -> None:
    """Write a row per example, and the file's output in the first run mode.

    A row has the name, label, answers, confidence, group if there are groups, and the dataset's
    columns.
    """
    task = scored.task
    now = task.columns(scored.outputs, scored.truths, examples.classes)
    before = task.columns(scored.float_outputs, scored.truths, examples.classes)
    columns: dict[str, Sequence[str]] = {
        "name": examples.names,
        "label": now.label,
        "answer": now.answer,
        "float_answer": before.answer,
        "confidence": now.confidence,
    }
    if scored.clusters is not None:
        columns[GROUP] = examples.columns[scored.clusters.column]
    for name, values in examples.columns.items():
        columns[f"{SLICE}{name}"] = values
    cells = [list(map(to_cell, values)) for values in columns.values()]
    table = out / "examples.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*cells, strict=True))
    (output,) = scored.outputs.values()
    np.save(out / "answers.npy", output)


def write_rows(out: Path, scored: Scored) -> None:
    """Write what gates judge of each metric."""
    for metric in scored.task.METRICS:
        before = metric.rows(scored.float_outputs, scored.truths)
        now = metric.rows(scored.outputs, scored.truths)
        metric_rows.write(out, MetricRows(metric, before, now))


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
        "task": job.params.task.output,
        "group_column": job.params.data.splits.column,
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
