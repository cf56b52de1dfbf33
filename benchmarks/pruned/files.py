"""The files of all models in both runtimes, float and int8, timed beside each other in one run."""

import statistics
import sys
import time
import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import measured, ours
from benchmarks.peers.maker import Maker
from benchmarks.peers.measured import Row
from benchmarks.peers.subject import Subject
from benchmarks.pruned.models import Made
from edgebake.compression.pruning import layer_costs
from edgebake.compression.pruning.layer_costs import Metric

OPTIONS = ("none", "int8")
RUNTIMES = ("litert", "onnxruntime")
AGAIN = "unpruned again"  # the same files a second time: how far from 1 is noise

File = tuple[str, str]  # runtime and option of recipes/quantize/


@dataclass(frozen=True)
class Entry:
    """A row of the tables: one model per seed, and the files of each model.

    Only the files of the first seed's model are timed.
    """

    name: str
    models: list[Subject]
    seconds: float  # to make a model
    files: list[dict[File, Row]]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Return which answers of Keras are right, [seeds, images]."""
        return np.array([model.answers.argmax(axis=1) == model.labels for model in self.models])

    def accuracy(self, file: File) -> float | None:
        """Return the mean over seeds; None if a model has no such file."""
        rows = [files[file] for files in self.files]
        return (
            None
            if any(row.error for row in rows)
            else statistics.mean(row.accuracy for row in rows)
        )

    def cost(self, word: Metric) -> float:
        """Return the mean of `macs` or `parameters` over seeds."""
        return statistics.mean(
            layer_costs.total(layer_costs.count(model.model), word) for model in self.models
        )

    def size(self, file: File) -> int:
        """Return bytes."""
        return self.files[0][file].size

    def packed(self, file: File) -> int:
        """Return bytes as a download has them: deflated."""
        return len(zlib.compress(b"".join(self.files[0][file].files.values()), 9))

    def times(self, other: "Entry", file: File) -> float | None:
        """Return the latency as a ratio to another entry's; None if either file is not timed."""
        mine, its = self.files[0][file], other.files[0][file]
        return mine.times(its) if mine.rounds and its.rounds else None


def built(made: Made) -> Entry:
    """Return models with their files, not yet timed."""
    start = time.perf_counter()
    files = [
        {(maker.runtime, maker.way): _row(maker, model) for maker in _makers()}
        for model in made.models
    ]
    sys.stderr.write(
        f"{made.models[0].name}: {made.name}: {time.perf_counter() - start:.0f} s for files\n"
    )
    return Entry(made.name, made.models, made.seconds, files)


def again(entry: Entry) -> Entry:
    """Return the same files under another name, to be timed again."""
    files = [{file: replace(row, rounds=[]) for file, row in entry.files[0].items()}]
    return Entry(AGAIN, entry.models, 0.0, files)


def time_together(entries: list[Entry]) -> None:
    """Time the files of each runtime in turns."""
    for runtime in RUNTIMES:
        rows = [
            row
            for entry in entries
            for (where, _), row in entry.files[0].items()
            if where == runtime
        ]
        measured.time_in_turns(rows, entries[0].models[0])


def _makers() -> list[Maker]:
    return list(ours.makers(list(OPTIONS), list(RUNTIMES)))


def _row(maker: Maker, model: Subject) -> Row:
    row = measured.build(maker, model, 1)
    if row.error:
        sys.stderr.write(f"{model.name}: no file: {maker.runtime} {maker.way}: {row.error}\n")
    return row
