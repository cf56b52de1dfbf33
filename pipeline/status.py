"""How the release stands: what is built, how good it is, where it lies.

Reads params.yaml and artifacts/validate/, artifacts/package/. Writes to the console.
"""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline import artifacts, ladder, sections
from pipeline.errors import PlanError
from pipeline.gates import Decision, Verdict
from pipeline.measurement import Measurement, from_dict
from pipeline.report import pruning, table
from pipeline.runtimes.coreml.executor import LABEL
from pipeline.sections import PackageSection, TargetSection
from pipeline.stages.package import decide

NOTE = """\
accuracy: the file that ships, on the test split; on `host` in its own runtime
float: the trained model on the same images
p95: 95% of runs on one thread were faster"""


def show(console: Console) -> None:
    """Print a row for every target of the plan, what its numbers mean, and where the bundles lie.

    Raises:
        PlanError: there is no plan.
    """
    plan = sections.read_plan()
    if not plan:
        raise PlanError(f"{sections.PARAMS}: not there; run `edgebake plan`")
    rows: list[list[str]] = []
    reports: list[dict[str, Any]] = []
    halves: list[str] = []
    decisions: dict[str, list[Decision]] = {}
    for platform in plan["package"]:
        section: PackageSection = sections.read("package", platform)
        for name, target in section.targets.items():
            report = _report(platform, target)
            reports.append(report)
            rows.append(_row(name, target.runtime, report))
            halves += _half_precision(name, report)
            decisions |= {name: decide(target, report)} if report else {}
    _print(console, table.release(rows))
    console.print(NOTE)
    for place in dict.fromkeys(place for report in reports for place in _places(report)):
        console.print(place)
    for line in halves:
        console.print(line)
    for reason in dict.fromkeys(reason for report in reports for reason in _reasons(report)):
        console.print(f"not measured: {reason}")
    if decisions:
        _print(console, table.verdicts(decisions))
        _explain(console, decisions)
    _show_pruned(console, plan)
    for name, rungs in ladder.from_plan(plan).items():
        console.print(f"ladder of {name}:\n" + "\n".join(ladder.lines(rungs)), markup=False)
    for platform in plan["package"]:
        console.print(f"bundle {platform}: {_bundle(platform)}")


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
        console.print(table.as_text(rows))


def _report(platform: str, target: TargetSection) -> dict[str, Any]:
    file = artifacts.folder("validate", target.validate, platform) / "report.json"
    return json.loads(file.read_text()) if file.exists() else {}


def _row(name: str, runtime: str, report: dict[str, Any]) -> list[str]:
    if not report:
        return [name, runtime, "not built", "", "", "", ""]
    found = {key: from_dict(metric) for key, metric in report["metrics"].items()}
    numbers = [_share(found["accuracy"]), _share(found["float_accuracy"])]
    others = [table.shown(found[key]) for key in ("size_mb", "latency_p95_ms")]
    return [name, runtime, *numbers, *others, _where(found)]


def _places(report: dict[str, Any]) -> Iterator[str]:
    """Yield each place where something was measured, with the processor that the report names."""
    for metric in report.get("metrics", {}).values():
        if metric.get("device"):
            place = metric["where"]
            note = f"{place}, not by Core ML" if place == LABEL else ""
            yield ": ".join(filter(None, (_short(place), note, metric["device"])))


def _half_precision(target: str, report: dict[str, Any]) -> Iterator[str]:
    """Yield what rounding to float16 costs, for a program that was executed in both arithmetics."""
    metrics = report.get("metrics", {})
    if "accuracy_float32_arithmetic" in metrics:
        rounded, exact, same = (
            f"{metrics[name]['value']:.2%}"
            for name in ("accuracy", "accuracy_float32_arithmetic", "agreement_float32_arithmetic")
        )
        yield f"half precision of {target}: {rounded}, in float32 arithmetic {exact}, the same label for {same}"


def _reasons(report: dict[str, Any]) -> Iterator[str]:
    """Yield why a number is missing."""
    return (metric["reason"] for metric in report.get("metrics", {}).values() if metric["value"] is None)


def _share(measured: Measurement) -> str:
    return "not measured" if measured.value is None else f"{measured.value:.2%}"


def _where(found: dict[str, Measurement]) -> str:
    places = {found[name].where for name in ("accuracy", "latency_p95_ms")} - {"not measured"}
    return " and ".join(sorted(map(_short, places))) or "-"


def _short(place: str) -> str:
    """Return a place in a word that fits a column; what it stands for is printed below the table."""
    return "executor" if place == LABEL else place


def _explain(console: Console, decisions: dict[str, list[Decision]]) -> None:
    """Say what `accepted` means where it stands in the table."""
    if any(one.verdict is Verdict.accepted for found in decisions.values() for one in found):
        console.print("accepted: not measured, and the target's recipe says `required: false`", markup=False)


def _bundle(platform: str) -> str:
    archive = artifacts.ROOT / "package" / f"{platform}.zip"
    return f"{archive.parent / platform}/ and {archive}" if archive.exists() else "none, see above"
