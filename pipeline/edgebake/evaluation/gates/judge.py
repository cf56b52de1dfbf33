"""Judge one target: collect the evidence on its file and decide its gates.

Reads artifacts/validate/ and artifacts/parity/.
"""

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
    """The evidence on a target's file, the decisions, and validate's folder with the file."""

    folder: Path
    evidence: TargetEvidence
    decisions: Sequence[Decision]


def judge(target: TargetParams, platform: str) -> Judgment:
    """Decide every gate of a target.

    Raises:
        ArtifactError: the target was not validated yet, or its artifacts are damaged.
    """
    folder = artifacts.verify(artifacts.folder("validate", target.validate, platform))
    target_evidence = evidence.read(folder, PARITY / f"{platform}.json")
    records = artifacts.read_json(folder / "placement.json", list[Placement])
    placements = [Placement(**record) for record in records]
    metrics = dict(target_evidence.metrics)
    metrics["latency_predicted_ms"] = _predicted_latency(target.device, folder)
    target_evidence = replace(
        target_evidence,
        metrics=metrics,
        placements=device_placements(placements, target.runtime, target.device),
        no_placement=_uncounted(folder),
    )
    decisions = decide(target.budget, target_evidence, target.waivers)
    return Judgment(folder, target_evidence, decisions)


def _uncounted(folder: Path) -> str:
    """Return why the workload of a file, and so its placement, is unknown; empty: it is known."""
    file = folder / "workload.json"
    try:
        from_json(file.read_text())
    except Uncounted as reason:
        return str(reason)
    return ""


def _predicted_latency(device: Device, folder: Path) -> Measurement:
    """Return a lower bound of one image's latency on one core, by the roofline model."""
    if device.compute is None:
        reason = f"the peak compute and bandwidth of a core of {device.name} are not in its recipe"
        return not_measured("ms", reason)
    file = folder / "workload.json"
    try:
        workload = from_json(file.read_text())
        milliseconds = roofline(workload, device.compute)
    except Uncounted as reason:
        return not_measured("ms", str(reason))
    return Measurement(
        value=milliseconds, unit="ms", where=PREDICTED, device=device.name, threads=1
    )
