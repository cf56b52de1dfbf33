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
    for model, arrays in ((FLOAT, rows.before), (FILE, rows.now)):
        folder = out / FOLDER / rows.metric.word / model
        folder.mkdir(parents=True)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read(out: Path, task: Task) -> dict[str, MetricRows]:
    """Return the rows of each metric of the task that has a folder, by its word."""
    rows = {}
    for metric in task.METRICS:
        folder = out / FOLDER / metric.word
        if folder.is_dir():
            rows[metric.word] = MetricRows(metric, _read(folder / FLOAT), _read(folder / FILE))
    return rows


def _read(folder: Path) -> dict[str, NDArray[np.generic]]:
    arrays = {}
    for file in sorted(folder.glob("*.npy")):
        try:
            arrays[file.stem] = np.load(file, allow_pickle=False)
        except ValueError as error:
            raise artifacts.damaged(file, str(error)) from None
    return arrays
