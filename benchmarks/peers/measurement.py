"""Measure files: predictions on the test split, size, latency on this host, build time."""

import contextlib
import importlib
import math
import statistics
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.maker import Maker
from benchmarks.peers.subject import Subject
from edgebake.compression.pruning.latency import median_seconds
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples, Session, predictions, single_output

THREADS = 1
WARM_UP_RUNS = 20
ROUNDS = 31
ROUND_SECONDS = 0.004  # of one file in one round
MAX_RUNS = 200  # of one file in one round
UNTIMED = ("coreml",)  # Core ML's own runtime is not on this machine
Z_95 = 1.96  # standard normal quantile of a two-sided 95 % interval


def _no_predictions() -> NDArray[np.bool_]:
    return np.zeros(0, np.bool_)


@dataclass
class Row:
    """The measurements of one file, or the error of its build."""

    maker: Maker
    error: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    build_seconds: float = 0.0
    correct: NDArray[np.bool_] = field(default_factory=_no_predictions)  # [n] test images
    agreement: float = 0.0  # share of top-1 predictions that equal those of Keras
    # The median latency in seconds of each round; empty: not timed.
    latencies: list[float] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return sum(map(len, self.files.values()))

    @property
    def accuracy(self) -> float:
        """Return the share of correct predictions."""
        return float(self.correct.mean())

    def latency_ratio(self, baseline: "Row") -> float:
        """Return the latency as a ratio to another file's.

        It is the median over rounds, each of which timed both files.
        """
        pairs = zip(self.latencies, baseline.latencies, strict=True)
        return statistics.median(seconds / base for seconds, base in pairs)


def measure(maker: Maker, subject: Subject, repeats: int) -> Row:
    """Build a file, and compare its predictions with the labels and with Keras.

    The build time is that of the fastest of `repeats` builds. Latency is not measured here.
    """
    row = Row(maker, build_seconds=math.inf)
    try:
        for _ in range(repeats):
            _build(row, subject)
        examples = NamedExamples({_input_name(row): _model_input(maker.runtime, subject)})
        probabilities = single_output(predictions(_load_session(row), examples))
    except Exception as error:  # a tool that fails is a row of the table
        first_line = [*str(error).strip().splitlines(), ""][0]
        row.error = f"{type(error).__name__}: {first_line}"
        return row
    top_1 = probabilities.argmax(axis=1)
    row.correct = top_1 == subject.labels
    row.agreement = float((top_1 == subject.predictions.argmax(axis=1)).mean())
    return row


def _build(row: Row, subject: Subject) -> None:
    """Build the file once; keep the time of the fastest build."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):  # converters and quantizers print messages
        built = row.maker.build(subject)
    seconds = time.perf_counter() - start - built.uncounted
    row.build_seconds = min(row.build_seconds, seconds)
    row.files = built.files


def time_in_turns(rows: list[Row], subject: Subject) -> None:
    """Measure the latency of the files of one runtime.

    Every round times every file, in alternating order, so that load of the host affects all.
    """
    rows = [row for row in rows if not row.error and row.maker.runtime not in UNTIMED]
    sessions = [_load_session(row) for row in rows]
    for row, session in zip(rows, sessions, strict=True):
        session.feed({_input_name(row): subject.images[:1]})
        for _ in range(WARM_UP_RUNS):
            session.invoke()
    counts = [_runs_per_round(session) for session in sessions]
    order = list(range(len(rows)))
    for _ in range(ROUNDS):
        for number in order:
            seconds = median_seconds(sessions[number].invoke, counts[number])
            rows[number].latencies.append(seconds)
        order.reverse()


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share.

    Source: Wilson, https://doi.org/10.1080/01621459.1927.10502953.
    """
    z = Z_95
    scale = 1 + z * z / count
    center = (share + z * z / (2 * count)) / scale
    variance = share * (1 - share) / count + z * z / (4 * count * count)
    half_width = z * math.sqrt(variance) / scale
    return center - half_width, center + half_width


def _runs_per_round(session: Session) -> int:
    runs = round(ROUND_SECONDS / median_seconds(session.invoke, 5))
    return max(1, min(MAX_RUNS, runs))


def _load_session(row: Row) -> Session:
    module = importlib.import_module(f"edgebake.runtimes.{row.maker.runtime}.run")
    session: Session = module.load(row.files, THREADS)
    return session


def _input_name(row: Row) -> str:
    """Return the name of a file's input, which each tool chooses."""
    (tensor,) = load_runtime(row.maker.runtime).inspect_files(row.files).inputs
    return tensor.name


def _model_input(runtime: str, subject: Subject) -> NDArray[np.float32] | NDArray[np.uint8]:
    """Return the test split [n, h, w, c]; Core ML packages take pixels and normalize them."""
    if runtime == "coreml":
        return subject.contract.image.denormalize(subject.images)
    return subject.images
