"""What one target has been found to be, and the verdict on each of its gates.

Reads artifacts/validate/ and artifacts/parity/.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebake import artifacts
from edgebake.evaluation.gates import evidence
from edgebake.evaluation.gates.decide import decide
from edgebake.evaluation.gates.evidence import TargetEvidence
from edgebake.evaluation.gates.verdict import Decision
from edgebake.measurement import PREDICTED, Measurement, not_measured
from edgebake.recipe import Device
from edgebake.recipe.stage_params import TargetParams
from edgebake.runtimes.placement import Placement, device_placements
from edgebake.runtimes.workload import Uncounted, from_json, roofline

PARITY = artifacts.ROOT / "parity"


@dataclass(frozen=True)
class Judgment:
    """A target's findings and decisions, and validate's folder with its files."""

    folder: Path
    evidence: TargetEvidence
    decisions: Sequence[Decision]


def judge(target: TargetParams, platform: str) -> Judgment:
    """Return the verdict on every gate of a target.

    Raises:
        ArtifactError: nothing was measured yet, or what was is damaged.
    """
    folder = artifacts.opened(artifacts.folder("validate", target.validate, platform))
    found = evidence.read(folder, PARITY / f"{platform}.json")
    placements = [Placement(**one) for one in json.loads((folder / "placement.json").read_text())]
    found = replace(
        found,
        metrics={**found.metrics, "latency_predicted_ms": _estimate(target.device, folder)},
        placements=device_placements(placements, target.runtime, target.device),
    )
    return Judgment(folder, found, decide(target.budget, found, target.waivers))


def _estimate(device: Device, folder: Path) -> Measurement:
    """Return what one image takes on one core of a device at least, from the device's facts."""
    if device.compute is None:
        return not_measured(
            "ms", f"what a core of {device.name} computes and moves at most is not among its facts"
        )
    try:
        milliseconds = roofline(from_json((folder / "workload.json").read_text()), device.compute)
    except Uncounted as reason:
        return not_measured("ms", str(reason))
    return Measurement(milliseconds, "ms", PREDICTED, device=device.name, threads=1)
