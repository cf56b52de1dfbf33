"""Which files a device has still to measure: DVC would keep `not measured` for as long as nothing else changes.

Reads artifacts/validate/. Writes artifacts/attempts/<platform>/<variant> for each variant of validate, on which its
stage depends: the same as before, or one more where the last attempt found no device.
"""

import json
from typing import Any

from edgebake import artifacts

FOLDER = artifacts.ROOT / "attempts"
# Places that are always there: the machine that builds, and a file whose digest is in the plan.
ALWAYS_THERE = ("host", "recorded")
TIMED = "latency_mean_ms"  # in every report of a file that was timed


def count(variants: dict[str, dict[str, Any]]) -> None:
    """Count one more attempt for each variant that no device has measured yet, and forget those that are gone."""
    for file in [one for one in FOLDER.rglob("*") if one.is_file() and one.name not in variants]:
        file.unlink()
    for name, section in variants.items():
        file = FOLDER / section["platform"] / name
        before = int(file.read_text()) if file.exists() else 1
        artifacts.write(file, f"{before + _is_due(name, section)}\n".encode())


def _is_due(name: str, section: dict[str, Any]) -> bool:
    report = artifacts.folder("validate", name, section["platform"]) / "report.json"
    if section["where"] in ALWAYS_THERE or not report.exists():
        return False
    return TIMED not in json.loads(report.read_text())["metrics"]
