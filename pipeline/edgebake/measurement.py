"""A number with its unit, its interval and where it was measured, or the reason why there is none."""

from dataclasses import asdict, dataclass
from typing import Any

PREDICTED = "predicted"  # where a number comes from that nothing measured
SLICE = "slice:"  # begins the name of a column of examples.csv that came with the data


@dataclass(frozen=True)
class Measurement:
    """One finding; `value` is none where it was not measured, and `reason` says why."""

    value: float | None
    unit: str
    where: str  # host: the machine that built; adb, ssh, mac, recorded: a device; predicted; file
    interval: list[float] | None = (
        None  # 95 %, two-sided; none where nothing was sampled, a size for one
    )
    n: int | None = None  # examples or timed runs
    device: str = ""  # processor, or model of a phone
    os: str = ""
    runtime: str = ""  # distribution and version
    threads: int | None = None
    governor: str = ""  # of the processor's clock, where the system has one
    sha256: str = ""  # of the file that was measured
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what report.json and the manifest hold: the fields that say something."""
        return {
            key: value
            for key, value in asdict(self).items()
            if value not in (None, "") or key == "value"
        }


def from_dict(content: dict[str, Any]) -> Measurement:
    """Return a measurement that was written by `to_dict`."""
    return Measurement(**content)


def not_measured(unit: str, reason: str) -> Measurement:
    """Return the absence of a number, and why."""
    return Measurement(None, unit, "not measured", reason=reason)
