"""A measured value with its unit, its confidence interval and where it was measured."""

from dataclasses import asdict, dataclass
from typing import Any

PREDICTED = "predicted"  # `where` of a value that was computed instead of measured
GROUP = "group"  # column of examples.csv with groups in which examples are not independent
SLICE = "slice:"  # prefix of columns of examples.csv that come from the dataset


@dataclass(frozen=True)
class Measurement:
    """A measured value, or the reason why there is none."""

    # None if the quantity was not measured.
    value: float | None
    # Unit, for example ms or MB.
    unit: str
    # `host` (build machine), a device (`adb`, `ssh`, `mac`, `recorded`), `predicted` or `file`.
    where: str
    # Two-sided 95 % confidence interval; None if nothing was sampled, for example for a size.
    interval: list[float] | None = None
    # Number of examples or timed runs.
    n: int | None = None
    # Processor, or model of a phone.
    device: str = ""
    # Operating system and version.
    os: str = ""
    # Distribution and version of the runtime.
    runtime: str = ""
    # Number of threads.
    threads: int | None = None
    # Frequency governor of the processor, if the system has one.
    governor: str = ""
    # SHA-256 digest of the measured file, hexadecimal.
    sha256: str = ""
    # Reason why the quantity was not measured.
    reason: str = ""
    # Other work on the machine that the value may come from; it can pass no gate. Empty: none.
    disturbed_by: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the fields for report.json and the manifest, without empty ones except `value`."""
        fields = asdict(self)
        return {key: value for key, value in fields.items() if _is_set(key, value)}


def from_dict(fields: dict[str, Any]) -> Measurement:
    """Return the measurement that `to_dict` wrote."""
    return Measurement(**fields)


def not_measured(unit: str, reason: str) -> Measurement:
    """Return a measurement without a value."""
    return Measurement(None, unit, "not measured", reason=reason)


def _is_set(key: str, value: object) -> bool:
    return key == "value" or value not in (None, "")
