"""What a device is asked to time, and what it answers."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.measurement import Measurement
from pipeline.ways import Way


@dataclass(frozen=True)
class Timed:
    """A folder with a converted file, what it is fed, the ways to run it, and how often."""

    runtime: str
    files: Path
    shape: list[int]  # of the input, [1, h, w, c]
    image: bool  # whether it is fed pixels
    ways: tuple[Way, ...]
    warmup: int
    runs: int


@dataclass(frozen=True)
class Timing:
    """Measurements by name, and each run in the first way, on one thread, in milliseconds."""

    metrics: dict[str, Measurement]
    latencies_ms: list[float]
