"""Count the attempts to measure on a device: DVC would cache `not measured`.

Reads artifacts/validate/. Writes artifacts/attempts/<platform>/<variant> for each variant of
validate. Its stage depends on that file, which changes if the last attempt reached no device.
"""

from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.errors import ArtifactError
from edgebake.evaluation.gates.evidence import Report

FOLDER = artifacts.ROOT / "attempts"
# Where measuring cannot fail for lack of a device: this machine, and a file with its digest in
# the plan.
ALWAYS_AVAILABLE = ("host", "recorded")
MAX_DIGITS = 9
TIMED = "latency_mean_ms"  # a metric of every report with a timing


def count(variants: dict[str, dict[str, Any]]) -> None:
    """Count one more attempt for each variant that no device has measured yet.

    Args:
        variants: the parameters of each variant of validate. The counts of others are deleted.
    """
    for file in _files():
        if file.name not in variants:
            file.unlink()
    for name, params in variants.items():
        platform = params["platform"]
        file = FOLDER / platform / name
        attempts = _read_count(file)
        if _is_due(name, params):
            attempts += 1
        artifacts.write(file, f"{attempts}\n".encode())


def _read_count(file: Path) -> int:
    """Return the attempts so far; 1 if there is no count, or none that can be read."""
    if not file.exists():
        return 1
    digits = file.read_bytes()[:MAX_DIGITS].strip()
    return int(digits) if digits.isdigit() else 1


def _files() -> list[Path]:
    return [path for path in FOLDER.rglob("*") if path.is_file()]


def _is_due(name: str, params: dict[str, Any]) -> bool:
    """Return whether a variant was validated without a timing that a device could make."""
    folder = artifacts.folder("validate", name, params["platform"])
    report = folder / "report.json"
    if params["where"] in ALWAYS_AVAILABLE or not report.exists():
        return False
    try:
        artifacts.verify(folder)
    except ArtifactError:
        return False  # DVC runs the stage again in any case
    content = artifacts.read_json(report, Report)
    return TIMED not in content["metrics"]
