"""Parse the output of Google's benchmark_model and turn it into measurements.

It prints the mean of a process's runs and, in newer versions, their median and 95th percentile. It
prints no single run, so there is no 90th percentile.
Source: tensorflow/lite/tools/benchmark/benchmark_model.cc.
"""

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebake.errors import listed
from edgebake.evaluation.latency import measurements, recording_check
from edgebake.evaluation.latency.bootstrap_windows import Indices, Statistics, resample_windows
from edgebake.evaluation.latency.command import DeviceError, last_line
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.measurement import Measurement, not_measured
from edgebake.terminal.printable import printable

TIMINGS = re.compile(
    r"Inference timings in us: Init: (\S+), First inference: (\S+), Warmup \(avg\): \S+, Inference"
)
COUNTS = re.compile(r"\bcount=[0-9]+ .{0,1000}")  # of the warm-up runs, then of the timed runs
NUMBER = re.compile(r"\b(\w{1,20})=(\S{1,40})")
MEMORY = re.compile(
    r"Memory footprint delta from the start of the tool \(MB\): init=\S+ overall=(\S+)"
)
MEBIBYTE = 1.048576  # in MB: benchmark_model divides by 1,024 twice and prints "MB"
ONLY_MEAN = "this version of benchmark_model reports only the mean of its runs"
NO_P90 = "benchmark_model reports no 90th percentile; the stopwatch does: adb.python"
LARGEST_US = recording_check.DAY_MS * 1e3
NO_MEMORY = "benchmark_model reported no memory on this phone"


@dataclass(frozen=True)
class Round:
    """The numbers that one process prints about its file; times are in milliseconds."""

    load: float
    first: float
    runs: int
    mean: float
    p50: float | None
    p95: float | None
    memory_mb: float | None  # peak

    @property
    def typical(self) -> float:
        """Return the median, or the mean in versions that print no median."""
        return self.mean if self.p50 is None else self.p50


RoundPairs = Sequence[tuple[Round, Round | None]]  # of the file and of its baseline


def refuse_untimed(request: TimingRequest, binary: Path) -> None:
    """Refuse files that the program cannot time.

    Raises:
        DeviceError: the file is of another runtime or takes ids, or there is no program.
    """
    if request.runtime != "litert":
        raise DeviceError(
            f"benchmark_model runs only .tflite files, not those of {request.runtime}"
        )
    if request.largest:
        raise DeviceError(
            f"benchmark_model fills the input {listed(request.largest)} with integers that are no "
            "rows of a table; expected adb.python: the stopwatch knows the largest"
        )
    if not binary.is_file():
        raise DeviceError(f"adb.benchmark_model: no file {binary}")


def parse_round(output: str) -> Round:
    """Parse the output of one process.

    Raises:
        DeviceError: it has no timings.
    """
    timings = TIMINGS.search(output)
    counts = COUNTS.findall(output)
    if not timings or not counts:
        raise DeviceError(f"benchmark_model: {last_line(output) or 'printed nothing'}")
    fields = dict(NUMBER.findall(counts[-1]))
    if "avg" not in fields:  # all runs took the same time: `count=3 curr=20(all same)`
        same = fields.get("curr", "").removesuffix("(all")
        fields |= {"avg": same, "median": same, "p95": same}
    return Round(
        load=_milliseconds("Init", timings[1]),
        first=_milliseconds("First inference", timings[2]),
        runs=_count(fields["count"]),
        mean=_milliseconds("avg", fields["avg"]),
        p50=_optional_milliseconds("median", fields),
        p95=_optional_milliseconds("p95", fields),
        memory_mb=_memory_mb(output),
    )


def _count(digits: str) -> int:
    most = recording_check.MAX_RUNS
    return int(_number("count", digits, 1, most))


def _number(name: str, text: str, least: float, most: float) -> float:
    """Return a number of the output.

    Raises:
        DeviceError: it is none, or not in the range.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        shown = printable(text, max_length=40) or "nothing"
        raise DeviceError(
            f"benchmark_model: {name} is {shown}; expected a number from {least:g} to {most:g}"
        )
    return number


def _milliseconds(name: str, microseconds: str) -> float:
    return _number(name, microseconds, recording_check.RESOLUTION_MS * 1e3, LARGEST_US) / 1e3


def _optional_milliseconds(name: str, fields: dict[str, str]) -> float | None:
    if name not in fields:
        return None
    return _milliseconds(name, fields[name])


def _memory_mb(output: str) -> float | None:
    memory = MEMORY.search(output)
    if memory is None:
        return None
    most = recording_check.MAX_MEMORY_MB
    return _number("overall", memory[1], 0, most) * MEBIBYTE


def from_rounds(pairs: RoundPairs, base: Measurement) -> TimingResult:
    """Return the measurements of rounds; each round is resampled as one window.

    Args:
        pairs: rounds of the file and of its baseline.
        base: a measurement without a value, with the device and the file.
    """
    count = len(pairs)
    rounds = [candidate for candidate, _ in pairs]
    resampled = resample_windows(count, _statistics(pairs))
    total_runs = sum(round_.runs for round_ in rounds)
    latency_base = replace(base, n=total_runs)
    metrics = measurements.to_measurements(resampled, latency_base)
    metrics["latency_p90_ms"] = not_measured("ms", NO_P90)
    metrics |= _costs(rounds, base)
    if "latency_p50_ms" not in metrics:
        metrics["latency_p50_ms"] = not_measured("ms", ONLY_MEAN)
        metrics["latency_p95_ms"] = not_measured("ms", ONLY_MEAN)
    if "speedup" in metrics:
        metrics["speedup"] = replace(metrics["speedup"], n=count)
    resamples = measurements.select_resamples(resampled.resamples)
    return TimingResult(metrics, resamples)


def _costs(rounds: Sequence[Round], base: Measurement) -> measurements.Metrics:
    """Return the medians of the first run and of loading, and the peak memory."""
    once = replace(base, unit="ms", n=len(rounds))
    first = statistics.median(round_.first for round_ in rounds)
    load = statistics.median(round_.load for round_ in rounds)
    peaks = []
    for round_ in rounds:
        if round_.memory_mb is not None:
            peaks.append(round_.memory_mb)
    memory = not_measured("MB", NO_MEMORY)
    if peaks:
        highest = max(peaks)
        memory = replace(once, value=highest, unit="MB")
    return {
        "first_inference_ms": replace(once, value=first),
        "load_ms": replace(once, value=load),
        "peak_memory_mb": memory,
    }


def _statistics(pairs: RoundPairs) -> Callable[[Indices], Statistics]:
    rounds = [candidate for candidate, _ in pairs]
    columns = _complete_columns(pairs)

    def statistic(indices: Indices) -> Statistics:
        mean = _mean([rounds[index] for index in indices])
        values = {"latency_mean_ms": mean, "frames_per_second": 1000 / mean}
        for name, column in columns.items():
            drawn = [column[index] for index in indices]
            values[name] = statistics.median(drawn)
        return values

    return statistic


def _complete_columns(pairs: RoundPairs) -> dict[str, list[float]]:
    """Return the numbers that all rounds have, by metric."""
    columns: dict[str, list[float | None]] = {
        "latency_p50_ms": [],
        "latency_p95_ms": [],
        "speedup": [],
    }
    for candidate, baseline in pairs:
        columns["latency_p50_ms"].append(candidate.p50)
        columns["latency_p95_ms"].append(candidate.p95)
        columns["speedup"].append(_speedup(candidate, baseline))
    complete = {}
    for name, column in columns.items():
        values = [value for value in column if value is not None]
        if len(values) == len(column):
            complete[name] = values
    return complete


def _mean(rounds: Sequence[Round]) -> float:
    """Return the mean of all runs of rounds."""
    total_ms = sum(round_.mean * round_.runs for round_ in rounds)
    total_runs = sum(round_.runs for round_ in rounds)
    return total_ms / total_runs


def _speedup(candidate: Round, baseline: Round | None) -> float | None:
    if baseline is None:
        return None
    return baseline.typical / candidate.typical
