"""What Google's benchmark_model prints in, measurements out.

It tells the mean of a process's runs and, in newer versions, their median and 95th percentile, but never a single run,
so that there is no 90th. Source: tensorflow/lite/tools/benchmark/benchmark_model.cc.
"""

import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgebake.evaluation.latency import measurements
from edgebake.evaluation.latency.bootstrap_windows import Drawn, Values, sampled
from edgebake.evaluation.latency.protocol import UnansweredError
from edgebake.evaluation.latency.request import TimingResult
from edgebake.measurement import Measurement, not_measured

TIMINGS = re.compile(
    r"Inference timings in us: Init: (\S+), First inference: (\S+), Warmup \(avg\): \S+, Inference"
)
COUNTS = re.compile(r"\bcount=\d+ .*")  # of the warm-up, then of the timed runs
MEMORY = re.compile(
    r"Memory footprint delta from the start of the tool \(MB\): init=\S+ overall=(\S+)"
)
MIB = 1.048576  # it divides by 1,024 twice and calls that a MB; ours are 1,000,000 bytes
ONLY_MEAN = "this version of benchmark_model tells only the mean of its runs"
NO_P90 = "benchmark_model tells no 90th percentile; the stopwatch does: adb.python"
Pairs = Sequence[tuple["Round", "Round | None"]]


@dataclass(frozen=True)
class Round:
    """What one process says of its file; times in milliseconds."""

    load: float
    first: float
    runs: int
    mean: float
    p50: float | None
    p95: float | None
    memory_mb: float | None  # the highest

    @property
    def typical(self) -> float:
        """Return the median, or the mean where it tells none."""
        return self.mean if self.p50 is None else self.p50


def read(output: str) -> Round:
    """Return what a process printed.

    Raises:
        UnansweredError: it ended without timings.
    """
    timings, counts, memory = TIMINGS.search(output), COUNTS.findall(output), MEMORY.search(output)
    if not timings or not counts:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        raise UnansweredError(f"benchmark_model: {lines[-1] if lines else 'printed nothing'}")
    said = {key: float(value) for key, value in re.findall(r"(\w+)=([\d.eE+-]+)", counts[-1])}
    if "avg" not in said:  # all runs took the same, `count=3 curr=20(all same)`
        said |= dict.fromkeys(("avg", "median", "p95"), said["curr"])
    load, first = (float(word) / 1e3 for word in timings.groups())
    p50, p95 = (said[key] / 1e3 if key in said else None for key in ("median", "p95"))
    peak = float(memory[1]) * MIB if memory else None
    return Round(load, first, int(said["count"]), said["avg"] / 1e3, p50, p95, peak)


def timing(pairs: Pairs, base: Measurement) -> TimingResult:
    """Return what rounds of the file, and of its baseline, come to; each round stands for a window of runs."""
    rounds = [one for one, _ in pairs]
    found = sampled(len(pairs), _statistics(pairs))
    once = replace(base, unit="ms", n=len(rounds))
    peaks = [one.memory_mb for one in rounds if one.memory_mb is not None]
    metrics = measurements.measured(found, replace(base, n=sum(one.runs for one in rounds)))
    metrics |= {
        "latency_p90_ms": not_measured("ms", NO_P90),
        "first_inference_ms": replace(once, value=statistics.median(one.first for one in rounds)),
        "load_ms": replace(once, value=statistics.median(one.load for one in rounds)),
        "peak_memory_mb": replace(once, value=max(peaks), unit="MB")
        if peaks
        else not_measured("MB", "benchmark_model told no memory on this phone"),
    }
    if "latency_p50_ms" not in metrics:
        metrics |= {
            name: not_measured("ms", ONLY_MEAN) for name in ("latency_p50_ms", "latency_p95_ms")
        }
    if "speedup" in metrics:
        metrics["speedup"] = replace(metrics["speedup"], n=len(pairs))
    return TimingResult(
        metrics,
        {name: found.resamples[name] for name in measurements.RESAMPLED if name in found.resamples},
    )


def _statistics(pairs: Pairs) -> Callable[[Drawn], Values]:
    rounds = [one for one, _ in pairs]
    told = {
        "latency_p50_ms": [one.p50 for one in rounds],
        "latency_p95_ms": [one.p95 for one in rounds],
        "speedup": [
            baseline.typical / one.typical if baseline else None for one, baseline in pairs
        ],
    }
    medians = {
        name: [one for one in values if one is not None]
        for name, values in told.items()
        if None not in values
    }

    def statistic(drawn: Drawn) -> Values:
        runs = [rounds[number].runs for number in drawn]
        mean = sum(
            rounds[number].mean * count for number, count in zip(drawn, runs, strict=True)
        ) / sum(runs)
        found = {"latency_mean_ms": mean, "frames_per_second": 1000 / mean}
        return found | {
            name: statistics.median(values[number] for number in drawn)
            for name, values in medians.items()
        }

    return statistic
