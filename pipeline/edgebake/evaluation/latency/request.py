"""The request to time a file, and its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgebake.measurement import Measurement, not_measured
from edgebake.recipe import Protocol
from edgebake.runtimes.run_modes import RunMode

# Metrics of a timing that a gate may set a limit for, and their units.
GATED_UNITS = {
    "latency_p90_ms": "ms",
    "frames_per_second": "1/s",
    "peak_memory_mb": "MB",
    "speedup": "times",
}


@dataclass(frozen=True)
class TimingRequest:
    """A converted file to time, with its float parent in the same runtime."""

    runtime: str
    files: Path  # folder of the converted file
    baseline: Path | None  # folder of the float parent; none if no speedup is required
    modes: tuple[RunMode, ...]
    protocol: Protocol
    # Of the numbers that an integer input takes from 0 on, by its name.
    largest: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TimingResult:
    """The measurements of a timing.

    `resamples` has, for each metric that a gate may ask about, its value in each resample of the
    runs: a confidence bound at any level can be computed without measuring again.
    """

    metrics: dict[str, Measurement]
    resamples: dict[str, list[float]] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)  # first mode, one thread, for the plot


def absent(reason: str) -> TimingResult:
    """Return a result in which every metric of a gate is missing for a reason."""
    metrics = {}
    for name, unit in GATED_UNITS.items():
        metrics[name] = not_measured(unit, reason)
    return TimingResult(metrics)
