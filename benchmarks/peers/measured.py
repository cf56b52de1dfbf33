"""Measure files: predictions on the test split, size, latency on this host, build time."""

import contextlib
import importlib
import math
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.maker import Maker
from benchmarks.peers.subject import Subject
from edgebake.compression.pruning.latency import median_seconds
from edgebake.runtimes.session import Session, predictions, single_output

THREADS = 1
ROUNDS = 31
ROUND_SECONDS = 0.004  # of one file in one round
UNTIMED = ("coreml",)  # Core ML's own runtime is not on this machine


@dataclass
class Row:
    """One file, or why there is none."""

    maker: Maker
    error: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0  # to build
    right: NDArray[np.bool_] = field(
        default_factory=lambda: np.zeros(0, np.bool_)
    )  # of each test image
    agreement: float = 0.0  # with Keras, best answer
    rounds: list[float] = field(
        default_factory=list
    )  # median seconds of an image in each round; none: not timed

    @property
    def size(self) -> int:
        """Return bytes."""
        return sum(map(len, self.files.values()))

    @property
    def accuracy(self) -> float:
        """Return the share of right answers."""
        return float(self.right.mean())

    def times(self, other: "Row") -> float:
        """Return the latency as a ratio to another file's.

        It is the median over rounds, each of which timed both files.
        """
        return statistics.median(
            mine / its for mine, its in zip(self.rounds, other.rounds, strict=True)
        )


def build(maker: Maker, subject: Subject, repeats: int) -> Row:
    """Build a file, and compare its predictions with the labels and with Keras.

    The build time is that of the fastest of `repeats` builds. Latency is not measured here.
    """
    row = Row(maker, seconds=math.inf)
    try:
        for _ in range(repeats):
            start = time.perf_counter()
            with contextlib.redirect_stdout(sys.stderr):  # converters and quantizers chat
                built = maker.build(subject)
            row.seconds = min(row.seconds, time.perf_counter() - start - built.uncounted)
        row.files = built.files
        found = single_output(predictions(_session(row), _fed(maker.runtime, subject)))
    except Exception as error:  # a tool that cannot is a row of the table
        row.error = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        return row
    best = found.argmax(axis=1)
    row.right, row.agreement = (
        best == subject.labels,
        float((best == subject.answers.argmax(axis=1)).mean()),
    )
    return row


def time_in_turns(rows: list[Row], subject: Subject) -> None:
    """Measure the latency of the files of one runtime.

    Every round times every file, in alternating order, so that load of the host affects all.
    """
    rows = [row for row in rows if not row.error and row.maker.runtime not in UNTIMED]
    sessions = [_session(row) for row in rows]
    image = subject.images[:1]
    for session in sessions:
        session.feed(image)
        for _ in range(20):
            session.invoke()
    counts = [
        max(1, min(200, round(ROUND_SECONDS / median_seconds(session.invoke, 5))))
        for session in sessions
    ]
    order = list(range(len(rows)))
    for _ in range(ROUNDS):
        for number in order:
            rows[number].rounds.append(median_seconds(sessions[number].invoke, counts[number]))
        order.reverse()


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share. Source: Wilson, https://doi.org/10.1080/01621459.1927.10502953."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = (
        z
        * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
        / (1 + z * z / count)
    )
    return middle - reach, middle + reach


def _session(row: Row) -> Session:
    module = importlib.import_module(f"edgebake.runtimes.{row.maker.runtime}.run")
    session: Session = module.load(row.files, THREADS)
    return session


def _fed(runtime: str, subject: Subject) -> NDArray[Any]:
    return subject.agreed.denormalize(subject.images) if runtime == "coreml" else subject.images
