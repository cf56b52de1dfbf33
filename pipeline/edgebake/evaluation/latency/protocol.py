"""What stopwatches are asked of a file, how often, and what their answers come to."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgebake.errors import HostError
from edgebake.evaluation.latency import measurements
from edgebake.evaluation.latency.measurements import Answer, Metrics
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.run_modes import RunMode

PRECISE = ("latency_p90_ms", "speedup")  # have to be as narrow as the protocol says
ALONE = {"batch": None, "sustained_minutes": None}


class UnansweredError(Exception):
    """Say why a machine gave no answer."""


@dataclass(frozen=True)
class Place:
    """Where a stopwatch runs, where the files lie there, and how it is asked."""

    where: str
    file: str
    baseline: str | None
    ask: Callable[[Answer], Answer]


def measure(job: TimingRequest, place: Place) -> TimingResult:
    """Return what is measured of a file in each of its ways.

    The first way on one thread carries the plain names. It is timed by turns with the baseline, and again in a new
    process while an interval is too wide. On all threads names end in `_all_threads`, those of another way in its name.

    Raises:
        UnansweredError: there is no answer.
    """
    first, *others = job.ways
    if first.untimed:
        return absent(first.untimed)
    found = _repeated(job, place, request(job, place, first))
    metrics = found.metrics | _on_all_threads(job, place, first)
    for way in others:
        if not way.untimed:
            asked = {**request(job, place, way), **ALONE, "baseline": None}
            metrics |= _named(measurements.timing([place.ask(asked)], place.where), way)
            metrics |= _on_all_threads(job, place, way)
    return TimingResult(metrics, found.resamples, found.latencies_ms)


def request(job: TimingRequest, place: Place, way: RunMode) -> Answer:
    """Return what a stopwatch is asked of a file in one way, on one thread."""
    protocol = job.protocol
    return {
        "runtime": job.runtime,
        "file": place.file,
        "baseline": place.baseline,
        "threads": 1 if way.threaded else None,
        "way": way.name,
        "warmup": protocol.warmup,
        "runs": protocol.runs,
        "seconds": protocol.seconds,
        "batch": protocol.batch,
        "sustained_minutes": protocol.sustained_minutes,
    }


def opened(job: TimingRequest) -> tuple[Path, Path | None]:
    """Return what an app opens, a file or a folder, of the converted file and of its baseline."""
    name = load_runtime(job.runtime).facts.file
    return job.files / name, job.baseline and job.baseline / name


def wide(timing: TimingResult, names: tuple[str, ...], precision: float) -> bool:
    """Return whether half an interval of one of the metrics is more than a share of its value."""
    found = [timing.metrics[name] for name in names if name in timing.metrics]
    return any(
        (one.interval[1] - one.interval[0]) / 2 > precision * (one.value or 0)
        for one in found
        if one.interval
    )


def in_a_process(asked: Answer) -> Answer:
    """Return what a stopwatch answers in a quiet process of its own on this machine.

    Raises:
        HostError: it does not.
    """
    command = [sys.executable, "-m", "edgebake.evaluation.latency.stopwatch"]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    try:
        return said(done.returncode, done.stdout, done.stderr)
    except UnansweredError as error:
        raise HostError(f"{asked['file']}: timing it failed: {error}") from None


def said(code: int, output: str, complaints: str) -> Answer:
    """Return the answer that a stopwatch wrote in its last line.

    Raises:
        UnansweredError: it wrote none.
    """
    lines = [line for line in complaints.splitlines() if line.strip()]
    told = [line.partition(": ")[2] for line in lines if line.startswith("stopwatch: ")]
    if code != 0:
        raise UnansweredError((told or lines or [f"ended with code {code}"])[-1])
    try:
        answer: Answer = json.loads(output.strip().rpartition("\n")[2])
    except ValueError:
        raise UnansweredError("the last line of the stopwatch is not an answer") from None
    return answer


def _repeated(job: TimingRequest, place: Place, asked: Answer) -> TimingResult:
    answers = [place.ask(asked)]
    found = measurements.timing(answers, place.where)
    while len(answers) < job.protocol.repeats and wide(found, PRECISE, job.protocol.precision):
        answers.append(place.ask({**asked, **ALONE}))
        found = measurements.timing(answers, place.where)
    return found


def _on_all_threads(job: TimingRequest, place: Place, way: RunMode) -> Metrics:
    if not way.threaded:
        return {}
    asked = {**request(job, place, way), **ALONE, "baseline": None, "threads": "all"}
    found = _named(measurements.timing([place.ask(asked)], place.where), way)
    return {f"{name}_all_threads": metric for name, metric in found.items()}


def _named(timing: TimingResult, way: RunMode) -> Metrics:
    return {way.metric_name(name): metric for name, metric in timing.metrics.items()}
