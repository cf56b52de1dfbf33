"""How the release stands: what is built, how good it is, where it lies.

Reads params.yaml and artifacts/validate/, artifacts/package/. Writes to the console.
"""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.errors import PlanError
from edgebake.evaluation.gates.judge import Judgment, judge
from edgebake.evaluation.gates.verdict import Verdict
from edgebake.measurement import PREDICTED, Measurement
from edgebake.plan import scheme_search
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import TargetParams
from edgebake.report import pruning, tables
from edgebake.runtimes.coreml.executor import LABEL

NOTE = """\
accuracy: the file that ships, on the test split; on `host` in its own runtime
float: the trained model on the same images
p90: 90% of runs on one thread were faster; speedup: times as fast as the float parent in the same runtime"""
MEANINGS = {
    Verdict.accepted: "not measured, and the target's recipe says `required: false`",
    Verdict.inconclusive: "the measurements prove neither a pass nor a fail",
    Verdict.inconclusive_accepted: "so, and the target's recipe says `inconclusive: passes`",
}


def show(console: Console) -> None:
    """Print a row for every target of the plan, what its numbers mean, and where the bundles lie.

    Raises:
        PlanError: there is no plan.
    """
    plan = stage_params.read_plan()
    if not plan:
        raise PlanError(f"{stage_params.PARAMS}: not there; run `edgebake plan`")
    targets = [
        (platform, name, target)
        for platform in plan["package"]
        for name, target in stage_params.read("package", platform).targets.items()
    ]
    judged = {name: _judged(platform, target) for platform, name, target in targets}
    _print(
        console,
        tables.release([_row(name, target.runtime, judged[name]) for _, name, target in targets]),
    )
    console.print(NOTE)
    built = {name: one for name, one in judged.items() if one is not None}
    for line in dict.fromkeys(_lines(built)):
        console.print(line, markup=False)
    if built:
        _print(console, tables.verdicts({name: one.decisions for name, one in built.items()}))
        _explain(console, built)
    _show_pruned(console, plan)
    for name, rungs in scheme_search.from_plan(plan).items():
        console.print(f"ladder of {name}:\n" + "\n".join(scheme_search.lines(rungs)), markup=False)
    for platform in plan["package"]:
        console.print(f"bundle {platform}: {_bundle(platform)}")


def _lines(built: dict[str, Judgment]) -> Iterator[str]:
    """Yield what the numbers of the table mean: where they come from, and why some are missing."""
    for one in built.values():
        yield from _places(one.evidence.metrics)
    for name, one in built.items():
        yield from _half_precision(name, one.evidence.metrics)
    for one in built.values():
        yield from (f"not measured: {reason}" for reason in _reasons(one))


def _show_pruned(console: Console, plan: dict[str, dict[str, Any]]) -> None:
    """Print what each pruned model lost and saved, beside what it has to beat."""
    files = {name: artifacts.folder("prune", name) / "pruned.json" for name in plan["prune"]}
    accounts = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    accounts = {name: account for name, account in accounts.items() if "accuracy" in account}
    if accounts:
        _print(console, pruning.rows(accounts))
        console.print(pruning.NOTE)
        for line in pruning.lines(accounts):
            console.print(line)


def _print(console: Console, rows: Table) -> None:
    """Print a table as wide as it needs to be where nobody looks through a window."""
    if console.is_terminal:
        console.print(rows)
    else:
        console.print(tables.as_text(rows))


def _judged(platform: str, target: TargetParams) -> Judgment | None:
    """Return a target's verdicts, none where it is not built."""
    folder = artifacts.folder("validate", target.validate, platform)
    return judge(target, platform) if (folder / "report.json").exists() else None


def _row(name: str, runtime: str, judged: Judgment | None) -> list[str]:
    if judged is None:
        return [name, runtime, "not built", "", "", "", "", ""]
    found = judged.evidence.metrics
    shares = [_share(found["accuracy"]), _share(found["float_accuracy"])]
    others = [tables.format_brief(found[key]) for key in ("size_mb", "latency_p90_ms", "speedup")]
    return [name, runtime, *shares, *others, _where(found)]


def _places(metrics: dict[str, Measurement]) -> Iterator[str]:
    """Yield each place where something was measured, with the processor that the report names."""
    for metric in metrics.values():
        if metric.device and metric.value is not None and metric.where != PREDICTED:
            place = metric.where
            note = f"{place}, not by Core ML" if place == LABEL else ""
            yield ": ".join(filter(None, (_short(place), note, metric.device)))


def _half_precision(target: str, metrics: dict[str, Measurement]) -> Iterator[str]:
    """Yield what rounding to float16 costs, for a program that was executed in both arithmetics."""
    if "accuracy_float32_arithmetic" in metrics:
        rounded, exact, same = (
            _share(metrics[name])
            for name in ("accuracy", "accuracy_float32_arithmetic", "agreement_float32_arithmetic")
        )
        yield f"half precision of {target}: {rounded}, in float32 arithmetic {exact}, the same label for {same}"


def _reasons(judged: Judgment) -> Iterator[str]:
    """Yield why a number that the table shows, or that a gate asks for, is missing."""
    shown = [judged.evidence.metrics[name] for name in ("latency_p90_ms", "speedup")]
    asked = [one.measurement for one in judged.decisions]
    return (measured.reason for measured in [*shown, *asked] if measured.value is None)


def _share(measured: Measurement) -> str:
    return "not measured" if measured.value is None else f"{measured.value:.2%}"


def _where(found: dict[str, Measurement]) -> str:
    places = {found[name].where for name in ("accuracy", "latency_p90_ms")} - {"not measured"}
    return " and ".join(sorted(map(_short, places))) or "-"


def _short(place: str) -> str:
    """Return a place in a word that fits a column; what it stands for is printed below the table."""
    return "executor" if place == LABEL else place


def _explain(console: Console, built: dict[str, Judgment]) -> None:
    """Say what stands behind verdicts that are neither passed nor failed, and which waivers there are."""
    verdicts = {one.verdict for judged in built.values() for one in judged.decisions}
    for verdict, meaning in MEANINGS.items():
        if verdict in verdicts:
            console.print(f"{tables.SHORT[verdict]}: {meaning}", markup=False)
    decided = [(name, one) for name, judged in built.items() for one in judged.decisions]
    undecided = [(name, one) for name, one in decided if one.verdict is not Verdict.passed]
    for line in (*tables.notes(undecided), *tables.waivers(decided)):
        console.print(line, markup=False)


def _bundle(platform: str) -> str:
    archive = artifacts.ROOT / "package" / f"{platform}.zip"
    folder = archive.parent / platform
    if not (archive.exists() and (folder / manifest.FILE).exists()):
        return "none, see above"
    signature = json.loads((folder / manifest.FILE).read_text())["signature"]
    by = (
        signature
        if signature == manifest.UNSIGNED
        else f"to be signed by key {signature['key_id'][:16]}"
    )
    return f"{folder}/ and {archive}, {by}"
