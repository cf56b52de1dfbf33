"""How the release stands: what is built, how good it is, where it lies.

Reads params.yaml and artifacts/validate/, artifacts/package/. Writes nothing.
"""

import json
from typing import Any

from rich.table import Table

from pipeline import artifacts, sections
from pipeline.errors import PlanError
from pipeline.gates import Decision, Verdict
from pipeline.measurement import Measurement, from_dict
from pipeline.report import table
from pipeline.sections import PackageSection, TargetSection
from pipeline.stages.package import decide


def release_table() -> Table:
    """Return a row for every target of the plan.

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
    return table.release(rows)


def _row(platform: str, name: str, target: TargetSection) -> list[str]:
    report = artifacts.folder("validate", target.validate, platform) / "report.json"
    if not report.exists():
        return [name, target.runtime, *["not built"] * 2, *[""] * 6]
    content: dict[str, Any] = json.loads(report.read_text())
    found = {key: from_dict(metric) for key, metric in content["metrics"].items()}
    numbers = [_share(found["accuracy"]), _share(found["float_accuracy"])]
    others = [table.shown(found[key]) for key in ("size_mb", "latency_p95_ms", "frames_per_second")]
    return [name, target.runtime, *numbers, *others, _where(found), _verdict(decide(target, content)), _bundle(platform)]


def _share(measured: Measurement) -> str:
    return "not measured" if measured.value is None else f"{measured.value:.2%}"


def _where(found: dict[str, Measurement]) -> str:
    latency = found["latency_p95_ms"]
    return "on no device" if latency.value is None else f"{latency.where}: {latency.device}"


def _verdict(decisions: list[Decision]) -> str:
    missed = [one.gate for one in decisions if not one.lets_through]
    accepted = [one.gate for one in decisions if one.verdict is Verdict.accepted]
    passed = len(decisions) - len(missed) - len(accepted)
    text = f"{passed} of {len(decisions)} passed"
    if accepted:
        text += f", {len(accepted)} not measured (accepted)"
    return f"{text}, missed: {', '.join(missed)}" if missed else text


def _bundle(platform: str) -> str:
    archive = artifacts.ROOT / "package" / f"{platform}.zip"
    return str(archive) if archive.exists() else "none"
