"""Rows of metrics on disk: rows/<metric>/<float or file>/<name>.npy in the output of validate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.tasks.metric import Metric, Rows
from edgebake.tasks.task import Task

FOLDER = "rows"
FLOAT = "float"
FILE = "file"


@dataclass(frozen=True)
class MetricRows:
    """What the test examples leave of one metric."""

    metric: Metric
    before: Rows  # of the float parent
    now: Rows  # of the file


def write(out: Path, rows: MetricRows) -> None:
    """Write the rows of a metric."""
    folder = out / FOLDER / rows.metric.word
    _write(folder / FLOAT, rows.before)
    _write(folder / FILE, rows.now)


def read(out: Path, task: Task) -> dict[str, MetricRows]:
    """Return the rows of each metric of the task that has a folder, by its word."""
    rows = {}
    for metric in task.METRICS:
        folder = out / FOLDER / metric.word
        if folder.is_dir():
            before = _read(folder / FLOAT)
            now = _read(folder / FILE)
            rows[metric.word] = MetricRows(metric, before, now)
    return rows


def _write(folder: Path, rows: Rows) -> None:
    folder.mkdir(parents=True)
    for name, array in rows.items():
        file = folder / f"{name}.npy"
        np.save(file, array, allow_pickle=False)


def _read(folder: Path) -> dict[str, NDArray[np.generic]]:
    arrays = {}
    for file in sorted(folder.glob("*.npy")):
        try:
            arrays[file.stem] = np.load(file, allow_pickle=False)
        except ValueError as error:
            raise artifacts.damaged(file, str(error)) from None
    return arrays
