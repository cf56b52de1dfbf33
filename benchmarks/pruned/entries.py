"""The files of all models in both runtimes, float and int8, timed together in one run."""

import statistics
import sys
import time
import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import measurement, ours
from benchmarks.peers.maker import Maker
from benchmarks.peers.measurement import Row
from benchmarks.peers.subject import Subject
from benchmarks.pruned.models import ModelGroup
from edgebake.compression.pruning import layer_costs
from edgebake.compression.pruning.layer_costs import Metric

OPTIONS = ("none", "int8")
RUNTIMES = ("litert", "onnxruntime")
AGAIN = "unpruned again"  # the same files a second time: their ratios are noise

FileKind = tuple[str, str]  # runtime and option of recipes/quantize/


@dataclass(frozen=True)
class Entry:
    """A row of the tables: one model per seed, and the files of each model.

    Only the files of the first seed's model are timed.
    """

    name: str
    models: list[Subject]
    seconds: float  # to make a model
    files: list[dict[FileKind, Row]]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Return which predictions of Keras are correct, [seeds, images]."""
        rows = [model.predictions.argmax(axis=1) == model.labels for model in self.models]
        return np.array(rows)

    def accuracy(self, kind: FileKind) -> float | None:
        """Return the mean accuracy over seeds; None if a model has no such file."""
        rows = [files[kind] for files in self.files]
        if any(row.error for row in rows):
            return None
        return statistics.mean(row.accuracy for row in rows)

    def cost(self, metric: Metric) -> float:
        """Return the mean of `macs` or `parameters` over seeds."""
        costs = [layer_costs.count(model.model) for model in self.models]
        return statistics.mean(layer_costs.total(layers, metric) for layers in costs)

    def size(self, kind: FileKind) -> int:
        """Return the size in bytes."""
        return self.files[0][kind].size

    def deflated_size(self, kind: FileKind) -> int:
        """Return the size in bytes after deflate, as in a download."""
        return len(zlib.compress(b"".join(self.files[0][kind].files.values()), 9))

    def latency_ratio(self, baseline: "Entry", kind: FileKind) -> float | None:
        """Return the latency as a ratio to another entry's; None if either file is not timed."""
        row = self.files[0][kind]
        baseline_row = baseline.files[0][kind]
        if not row.latencies or not baseline_row.latencies:
            return None
        return row.latency_ratio(baseline_row)


def build_entry(group: ModelGroup) -> Entry:
    """Build the files of models, and measure everything except latency."""
    start = time.perf_counter()
    files = [_build_files(model) for model in group.models]
    seconds = time.perf_counter() - start
    sys.stderr.write(f"{group.models[0].name}: {group.name}: {seconds:.0f} s for files\n")
    return Entry(group.name, group.models, group.seconds, files)


def copy_for_noise(entry: Entry) -> Entry:
    """Return the same files under another name, to be timed a second time."""
    files = {kind: replace(row, latencies=[]) for kind, row in entry.files[0].items()}
    return Entry(AGAIN, entry.models, 0.0, [files])


def time_together(entries: list[Entry]) -> None:
    """Measure the latency of the files of each runtime in turns."""
    for runtime in RUNTIMES:
        rows = []
        for entry in entries:
            rows += [row for kind, row in entry.files[0].items() if kind[0] == runtime]
        measurement.time_in_turns(rows, entries[0].models[0])


def _build_files(model: Subject) -> dict[FileKind, Row]:
    makers = ours.makers(list(OPTIONS), list(RUNTIMES))
    return {(maker.runtime, maker.method): _build_row(maker, model) for maker in makers}


def _build_row(maker: Maker, model: Subject) -> Row:
    row = measurement.measure(maker, model, 1)
    if row.error:
        sys.stderr.write(f"{model.name}: no file: {maker.runtime} {maker.method}: {row.error}\n")
    return row
