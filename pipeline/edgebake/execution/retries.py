"""Count the attempts to measure: DVC would cache `not measured`, and what no gate can use.

Reads artifacts/validate/. Writes artifacts/attempts/<platform>/<variant> for each variant of
validate. Its stage depends on that file, which changes if the last attempt reached no device, or
timed beside other work what a gate needs.
"""

from pathlib import Path
from typing import Any, TypedDict

from edgebake import artifacts
from edgebake.errors import ArtifactError
from edgebake.runtimes.run_modes import HOST

FOLDER = artifacts.ROOT / "attempts"
# Where measuring cannot fail for lack of a device: this machine, and a file with its digest in
# the plan.
ALWAYS_AVAILABLE = ("host", "recorded")
MAX_DIGITS = 9
MARK = b'"disturbed_by"'  # the key of a measurement that was timed beside other work
TIMED = "latency_mean_ms"  # a metric of every report with a timing

Variants = dict[str, dict[str, Any]]  # name -> parameters
Gate = tuple[str, dict[str, Any]]  # name and options


class TimedReport(TypedDict):
    """The content of report.json that an earlier edgebake wrote as well: the planner reads it."""

    metrics: dict[str, Any]


def count(variants: Variants, platforms: Variants) -> None:
    """Count one more attempt for each variant that has not been measured well enough yet.

    Args:
        variants: the parameters of each variant of validate. The counts of others are deleted.
        platforms: the parameters of each variant of package.
    """
    gates = _gates(platforms)
    for file in _files():
        if file.name not in variants:
            file.unlink()
    for name, params in variants.items():
        platform = params["platform"]
        file = FOLDER / platform / name
        attempts = _read_count(file)
        if _is_due(name, params, gates.get(name, [])):
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


def _gates(platforms: Variants) -> dict[str, list[Gate]]:
    """Return the gates on the measurements of each variant of validate."""
    gates: dict[str, list[Gate]] = {}
    for params in platforms.values():
        for target in params["targets"].values():
            of_variant = gates.setdefault(target["validate"], [])
            for name, gate in target["budget"].items():
                if gate is not None:
                    of_variant.append((name, gate))
    return gates


def _is_due(name: str, params: dict[str, Any], gates: list[Gate]) -> bool:
    """Return whether a variant was validated without a timing that can be made."""
    folder = artifacts.folder("validate", name, params["platform"])
    report = folder / "report.json"
    if not report.exists():
        return False
    is_available = params["where"] in ALWAYS_AVAILABLE
    if is_available and MARK not in report.read_bytes():
        return False  # most variants; checking all their files would take longer
    try:
        artifacts.verify(folder)
    except ArtifactError:
        return False  # DVC runs the stage again in any case
    metrics = artifacts.read_json(report, TimedReport)["metrics"]
    if not is_available and TIMED not in metrics:
        return True
    return any(_is_kept_from_deciding(gate, metrics) for gate in gates)


def _is_kept_from_deciding(gate: Gate, metrics: dict[str, Any]) -> bool:
    """Return whether a gate could decide, had its metric not been timed beside other work."""
    name, options = gate
    metric = metrics.get(name, {})
    is_off_device = metric.get("where") == HOST and options.get("evidence") == "device"
    return bool(metric.get("disturbed_by")) and not is_off_device
