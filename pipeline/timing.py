"""What a device is asked to time, and what it answers."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.measurement import Measurement


@dataclass(frozen=True)
class Timed:
    """A folder with a converted file, its input's shape [1, h, w, c], and how often to run it."""

    runtime: str
    files: Path
    shape: list[int]
    warmup: int
    runs: int


@dataclass(frozen=True)
class Timing:
    """Measurements by name, and each run on one thread in milliseconds."""

    metrics: dict[str, Measurement]
    latencies_ms: list[float]
