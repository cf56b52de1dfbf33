"""Decide a target's gates again from what was measured: change a budget, see the verdict.

Reads recipes/, params.yaml, artifacts/validate/ and artifacts/parity/. Writes to the console.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from edgebake.bundle.lineage import trace
from edgebake.errors import PlanError
from edgebake.evaluation.gates.judge import Judgment, judge
from edgebake.plan import planner
from edgebake.plan.compose import compose_release, compose_targets
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import PackageParams, TargetParams
from edgebake.report import tables


def gate(target: str, overrides: Sequence[str], console: Console) -> bool:
    """Print a row for each gate of a target, and return whether all of them let it through.

    Raises:
        ArtifactError: the target has not been measured yet.
        PlanError: its recipe says otherwise than when it was measured.
    """
    platform, section = _section(target, overrides)
    judged = judge(section, platform)
    decided = [(target, one) for one in judged.decisions]
    console.print(tables.as_text(tables.gates(decided)), markup=False)
    for line in (
        *tables.notes(decided),
        *tables.waivers(decided),
        *_origins(judged),
        *_workload(judged),
        *_placements(judged),
    ):
        console.print(line, markup=False)
    return all(one.lets_through for one in judged.decisions)


def _section(target: str, overrides: Sequence[str]) -> tuple[str, TargetParams]:
    """Return the platform of a target, and what package would read of it."""
    composed = compose_targets([target], overrides)[0]
    release = compose_release()
    others = compose_targets([name for name in release.targets if name != target])
    planned = planner.merge(release, [*others, composed])
    platform = composed.recipe.device.platform.value
    bundle: PackageParams = stage_params.typed("package", platform, planned["package"][platform])
    section = bundle.targets[target]
    _refuse_unmeasured(target, planned, section.validate)
    return platform, section


def _refuse_unmeasured(target: str, planned: dict[str, dict[str, Any]], validate: str) -> None:
    """Refuse verdicts on another model than the recipe's: only what package reads may differ from the plan."""
    written = stage_params.read_plan()
    known = validate in written.get("validate", {})
    if not known or trace(written, validate) != trace(planned, validate):
        raise PlanError(
            f"{target}: its recipe says otherwise than {stage_params.PARAMS} in more than its gates; expected what was "
            "measured: run `edgebake build`"
        )


def _origins(judged: Judgment) -> Iterator[str]:
    """Yield where the numbers come from: place, processor, system, clock, runtime, and the file's digest."""
    seen = dict.fromkeys(
        (one.where, one.device, one.os, one.governor, one.runtime, one.sha256)
        for one in (decision.measurement for decision in judged.decisions)
        if one.value is not None and one.device
    )
    for where, device, system, governor, runtime, sha256 in seen:
        clock = f"governor {governor}" if governor else "no governor of the clock"
        known = filter(None, (device, system, clock, runtime, f"file {sha256}" if sha256 else ""))
        yield f"{where}: {', '.join(known)}"


def _workload(judged: Judgment) -> Iterator[str]:
    """Yield what the file computes, and what that takes on the device by its facts."""
    found = judged.evidence.metrics
    macs, parameters, peak = (found[name] for name in ("macs", "parameters", "activation_peak_mb"))
    if macs.value is None:
        yield f"counted in the file: not measured: {macs.reason}"
    else:
        counted = f"{macs.value:,} multiply-accumulates, {parameters.value:,} parameters"
        yield f"counted in the file: {counted}, activation peak {tables.format_value(peak)}"
    estimate = found["latency_predicted_ms"]
    known = estimate.value is not None
    said = (
        f"{tables.format_value(estimate)} on {estimate.device}"
        if known
        else f"not measured: {estimate.reason}"
    )
    yield f"predicted by roofline: {said}"


def _placements(judged: Judgment) -> Iterator[str]:
    """Yield what each accelerator would run."""
    for one in judged.evidence.placements:
        off = f"; first off: {one.first_off}: {one.hint}" if one.first_off else ""
        shares = f"{one.operators:.0%} of operators, {one.macs:.0%} of multiply-accumulates"
        yield f"predicted on {one.accelerator} ({one.delegate or 'kernels of the runtime'}): {shares}{off}"
