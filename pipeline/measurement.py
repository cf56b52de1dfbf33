"""A number with its unit and where it was measured, or the reason why there is none."""

import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One finding; `value` is none where it was not measured, and `reason` says why."""

    value: float | None
    unit: str
    where: str  # host: the machine that built, in the runtime of the device
    device: str = ""  # CPU model
    threads: int | None = None
    n: int | None = None  # examples or timed runs
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what report.json and the manifest hold: the fields that say something."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "") or key == "value"}


def from_dict(content: dict[str, Any]) -> Measurement:
    """Return a measurement that was written by `to_dict`."""
    return Measurement(**content)


def not_measured(unit: str, reason: str) -> Measurement:
    """Return the absence of a number, and why."""
    return Measurement(None, unit, "not measured", reason=reason)


def cpu_model() -> str:
    """Return the processor's own name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        if said:
            return said
    return platform.processor() or platform.machine()


def all_threads() -> int:
    """Return how many threads this process may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
