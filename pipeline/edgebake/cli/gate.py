"""`edgebake gate`: decide a target's gates again from its measurements, under a changed budget.

Reads recipes/, params.yaml, artifacts/validate/ and artifacts/parity/. Writes nothing.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from edgebake.cli.verbs import Example, Verb, add_target_and_overrides
from edgebake.errors import PlanError

if TYPE_CHECKING:
    from edgebake.evaluation.gates.judge import Judgment
    from edgebake.measurement import Measurement
    from edgebake.recipe.stage_params import PackageParams, Plan, TargetParams


def gate(target: str, overrides: Sequence[str], console: Console) -> bool:
    """Print a row for each gate of a target; return whether all gates let a bundle ship.

    Of a target with candidates, print those of all; one of them has to ship.

    Raises:
        ArtifactError: the target has not been measured yet.
        PlanError: the recipe differs, in more than its gates, from the one that was measured.
    """
    from edgebake.evaluation.gates.candidates import choose
    from edgebake.evaluation.gates.judge import judge

    platform, entries = _resolve(target, overrides)
    judgments = {}
    for name, params in entries.items():
        judgments[name] = judge(params, platform)
        _print_judgment(name, judgments[name], console)
    (choice,) = choose(entries, judgments)
    if choice.line:
        console.print(choice.line, markup=False)
    return choice.ships is not None


def _print_judgment(name: str, judgment: "Judgment", console: Console) -> None:
    from edgebake.report import tables

    decisions = [(name, decision) for decision in judgment.decisions]
    console.print(tables.as_text(tables.gates(decisions)), markup=False)
    for line in (
        *tables.notes(decisions),
        *tables.waivers(decisions),
        *_measurement_sources(judgment),
        *_workload(judgment),
        *_placements(judgment),
    ):
        console.print(line, markup=False)


def _resolve(target: str, overrides: Sequence[str]) -> "tuple[str, dict[str, TargetParams]]":
    """Return a target's platform, and its parameters of the stage package, or its candidates'."""
    from edgebake.plan import variants
    from edgebake.plan.candidates import expand_all
    from edgebake.plan.compose import compose_release, compose_targets
    from edgebake.recipe import stage_params

    composed = compose_targets([target], overrides)[0]
    release = compose_release()
    rest_of_release = compose_targets([name for name in release.targets if name != target])
    expanded = expand_all([composed], overrides)
    plan = variants.merge(release, [*expand_all(rest_of_release), *expanded])
    platform = composed.recipe.device.platform.value
    package: PackageParams = stage_params.parse("package", platform, plan["package"][platform])
    entries = {}
    for entry in expanded:
        entries[entry.name] = package.targets[entry.name]
        _refuse_unmeasured(entry.name, plan, entries[entry.name].validate)
    return platform, entries


def _refuse_unmeasured(target: str, plan: "Plan", validate_variant: str) -> None:
    """Refuse a recipe that describes another model than the one that was measured.

    Only what the stage package reads may differ from params.yaml.
    """
    from edgebake.recipe import stage_params
    from edgebake.recipe.lineage import trace

    written = stage_params.read_plan()
    is_planned = validate_variant in written.get("validate", {})
    if not is_planned or trace(written, validate_variant) != trace(plan, validate_variant):
        raise PlanError(
            f"{target}: its recipe differs from {stage_params.PARAMS} in more than its gates; "
            "expected the recipe that was measured: run `edgebake build`"
        )


def _measurement_sources(judgment: "Judgment") -> Iterator[str]:
    """Yield each source of the numbers: processor, system, clock, runtime and file digest."""
    measurements = [decision.measurement for decision in judgment.decisions]
    lines = (
        _measurement_source(measurement)
        for measurement in measurements
        if measurement.value is not None and measurement.device
    )
    yield from dict.fromkeys(lines)


def _measurement_source(measurement: "Measurement") -> str:
    facts = [measurement.device, measurement.os, "no CPU governor", measurement.runtime]
    if measurement.governor:
        facts[2] = f"governor {measurement.governor}"
    if measurement.sha256:
        facts.append(f"file {measurement.sha256}")
    return f"{measurement.where}: {', '.join(fact for fact in facts if fact)}"


def _workload(judgment: "Judgment") -> Iterator[str]:
    """Yield the operation counts of the file, and the latency that they predict on the device."""
    from edgebake.report import tables

    metrics = judgment.evidence.metrics
    macs = metrics["macs"]
    if macs.value is None:
        yield f"counted in the file: not measured: {macs.reason}"
    else:
        parameters = f"{metrics['parameters'].value:,} parameters"
        peak = f"activation peak {tables.format_value(metrics['activation_peak_mb'])}"
        operations = f"{macs.value:,} multiply-accumulates"
        yield f"counted in the file: {operations}, {parameters}, {peak}"
    estimate = metrics["latency_predicted_ms"]
    if estimate.value is None:
        yield f"predicted by roofline: not measured: {estimate.reason}"
    else:
        latency = tables.format_value(estimate)
        yield f"predicted by roofline: {latency} on {estimate.device}"


def _placements(judgment: "Judgment") -> Iterator[str]:
    """Yield the share of the model that each accelerator would run."""
    for placement in judgment.evidence.placements:
        kernels = placement.delegate or "kernels of the runtime"
        if placement.whole_file:
            kernels += ", the whole file or nothing"
        operators = f"{placement.operators:.0%} of operators"
        macs = f"{placement.macs:.0%} of multiply-accumulates"
        line = f"predicted on {placement.accelerator} ({kernels}): {operators}, {macs}"
        if placement.first_off:
            line += f"; first unsupported: {placement.first_off}: {placement.hint}"
        yield line


def _run(arguments: argparse.Namespace, console: Console) -> int:
    passed = gate(arguments.target, arguments.overrides, console)
    return 0 if passed else 1


VERB = Verb(
    name="gate",
    run=_run,
    summary="decide a target's gates again from its measurements",
    description=(
        "Print the verdict on each gate of a target with its limit, the measured value, the "
        "confidence bound and the number of examples, then the operation counts of the file and "
        "its predicted placement on accelerators. Overrides may change the budget: nothing is "
        "measured again. The exit code is 1 if a gate blocks the release."
    ),
    examples=(
        Example("edgebake gate pixel_8", "decide the budget of recipes/"),
        Example("edgebake gate pixel_8 validate.budget.size_mb.at_most=1", "try another limit"),
    ),
    add_options=add_target_and_overrides,
)
