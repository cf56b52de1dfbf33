"""What a device is asked to time, and what it answers."""

from dataclasses import dataclass, field
from pathlib import Path

from edgebake.measurement import Measurement, not_measured
from edgebake.recipe import Protocol
from edgebake.runtimes.run_modes import RunMode

# What gates may ask of a timing, and its unit.
GATED = {
    "latency_p90_ms": "ms",
    "frames_per_second": "1/s",
    "peak_memory_mb": "MB",
    "speedup": "times",
}


@dataclass(frozen=True)
class TimingRequest:
    """A converted file, its float parent in the same runtime, the ways to run them, and the protocol."""

    runtime: str
    files: Path  # folder of the converted file
    baseline: Path | None  # folder of the float parent; none where no speedup is asked for
    ways: tuple[RunMode, ...]
    protocol: Protocol


@dataclass(frozen=True)
class TimingResult:
    """What was found.

    `resamples` holds, for each metric that a gate may ask about, its value in each resample of the runs, so that a
    bound at any confidence can be read off without measuring again.
    """

    metrics: dict[str, Measurement]
    resamples: dict[str, list[float]] = field(default_factory=dict)
    latencies_ms: list[float] = field(
        default_factory=list
    )  # in the first way on one thread, for the plot


def absent(reason: str) -> TimingResult:
    """Return that nothing a gate may ask about was measured, and why."""
    return TimingResult({name: not_measured(unit, reason) for name, unit in GATED.items()})
