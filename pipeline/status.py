"""How the release stands: what is built, how good it is, where it lies.

Reads params.yaml and artifacts/validate/, artifacts/package/. Writes to the console.
"""

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline import artifacts, sections
from pipeline.errors import PlanError
from pipeline.gates import Decision, Verdict
from pipeline.measurement import Measurement, all_threads, cpu_model, from_dict
from pipeline.report import table
from pipeline.sections import PackageSection, TargetSection
from pipeline.stages.package import decide


def show(console: Console) -> None:
    """Print a row for every target of the plan, what its numbers mean, and where the bundles lie.

    Raises:
        PlanError: there is no plan.
    """
    plan = sections.read_plan()
    if not plan:
        raise PlanError(f"{sections.PARAMS}: not there; run `edgebake plan`")
    rows = []
    for platform in plan["package"]:
        section: PackageSection = sections.read("package", platform)
        rows += [_row(platform, name, target) for name, target in section.targets.items()]
    _print(console, table.release(rows))
    console.print(
        f"accuracy: the shipped file in its own runtime, test split; float: the trained model on the same images\n"
        f"host: {cpu_model()}, {all_threads()} threads; p95 and frames: one thread, this host and no device"
    )
    for platform in plan["package"]:
        console.print(f"bundle {platform}: {_bundle(platform)}")


def _print(console: Console, rows: Table) -> None:
    """Print a table as wide as it needs to be where nobody looks through a window."""
    if console.is_terminal:
        console.print(rows)
    else:
        console.print(table.as_text(rows))


def _row(platform: str, name: str, target: TargetSection) -> list[str]:
    report = artifacts.folder("validate", target.validate, platform) / "report.json"
    if not report.exists():
        return [name, target.runtime, "not built", *[""] * 6]
    content: dict[str, Any] = json.loads(report.read_text())
    found = {key: from_dict(metric) for key, metric in content["metrics"].items()}
    numbers = [_share(found["accuracy"]), _share(found["float_accuracy"])]
    others = [table.shown(found[key]) for key in ("size_mb", "latency_p95_ms", "frames_per_second")]
    return [name, target.runtime, *numbers, *others, _where(found), _verdict(decide(target, content))]


def _share(measured: Measurement) -> str:
    return "not measured" if measured.value is None else f"{measured.value:.2%}"


def _where(found: dict[str, Measurement]) -> str:
    places = {found[name].where for name in ("accuracy", "latency_p95_ms")}
    return " and ".join(sorted(places)) if places != {"not measured"} else "-"


def _verdict(decisions: list[Decision]) -> str:
    missed = [one.gate for one in decisions if not one.lets_through]
    accepted = sum(one.verdict is Verdict.accepted for one in decisions)
    text = f"{sum(one.verdict is Verdict.passed for one in decisions)} of {len(decisions)} passed"
    if accepted:
        text += f", {accepted} not measured (accepted)"
    return f"{text}, missed: {', '.join(missed)}" if missed else text


def _bundle(platform: str) -> str:
    archive = artifacts.ROOT / "package" / f"{platform}.zip"
    return f"{archive.parent / platform}/ and {archive}" if archive.exists() else "none, see above"
