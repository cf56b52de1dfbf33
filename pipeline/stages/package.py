"""All that a platform's targets validated in, one bundle out; or a refusal, with a table of every gate not passed.

Reads validate's outputs of one platform. Writes models/ and manifest.json, and beside the folder <platform>.zip and
<platform>.measurements.json; and, refused or not, artifacts/verdicts/<target>.json.
"""

import json
from pathlib import Path
from typing import Any

from pipeline import artifacts, gates
from pipeline.bundle import archive, manifest
from pipeline.errors import GateError
from pipeline.job import Job
from pipeline.lineage import chain, digest
from pipeline.measurement import from_dict
from pipeline.report import table
from pipeline.sections import PackageSection, TargetSection, plain, read_plan

REVISION = artifacts.ROOT / "revision"


def run(job: Job) -> str:
    """Judge every target of the platform, then bundle them."""
    section: PackageSection = job.section
    found = {name: _validated(job.variant, target) for name, target in section.targets.items()}
    decisions = {name: decide(section.targets[name], report) for name, (_, report) in found.items()}
    _leave_verdicts(section, decisions)
    _refuse(job.variant, decisions)
    entries = [
        manifest.entry(section.targets[name], (folder, report), decisions[name])
        for name, (folder, report) in found.items()
    ]
    for entry in entries:
        artifacts.write_files(job.out, entry.files)
    content = manifest.make(
        section,
        job.variant,
        dict(zip(found, entries, strict=True)),
        json.loads((REVISION / f"{job.variant}.json").read_text()),
    )
    (job.out / manifest.FILE).write_text(content)
    _write_beside(job, {name: report for name, (_, report) in found.items()})
    return f"{len(found)} target{'s' if len(found) != 1 else ''}, {artifacts.ROOT / 'package' / job.variant}.zip"


def decide(target: TargetSection, report: dict[str, Any]) -> list[gates.Decision]:
    """Return the verdict on every gate of a target."""
    return gates.decide(target.budget, {name: from_dict(metric) for name, metric in report["metrics"].items()})


def _validated(platform: str, target: TargetSection) -> tuple[Path, dict[str, Any]]:
    folder = artifacts.opened(artifacts.folder("validate", target.validate, platform))
    return folder, json.loads((folder / "report.json").read_text())


def _leave_verdicts(section: PackageSection, decisions: dict[str, list[gates.Decision]]) -> None:
    """Tell the planner which targets missed a gate: it takes the next rung of those that say `quantize: auto`."""
    for name, found in decisions.items():
        missed = [one.shortfall for one in found if not one.lets_through]
        # Not the planner's digest: an experiment may have changed params.yaml since, and says nothing of the recipe.
        target = section.targets[name]
        sha256 = digest(chain(read_plan(), target.validate), plain(target))
        verdict = {"recipe_sha256": sha256, "missed": missed}
        artifacts.write(artifacts.VERDICTS / f"{name}.json", (json.dumps(verdict, indent=2) + "\n").encode())


def _refuse(platform: str, decisions: dict[str, list[gates.Decision]]) -> None:
    missed = [(name, one) for name, all_of_it in decisions.items() for one in all_of_it if not one.lets_through]
    if missed:
        count = sum(map(len, decisions.values()))
        raise GateError(
            f"{platform}: no bundle, {len(missed)} of {count} gates not passed\n{table.as_text(table.gates(missed))}"
        )


def _write_beside(job: Job, reports: dict[str, Any]) -> None:
    # The archive is of the bundle as it will lie there, SHA256SUMS included.
    (job.out / artifacts.SUMS).write_text(artifacts.sums(job.out))
    beside = artifacts.ROOT / "package"
    artifacts.write(beside / f"{job.variant}.zip", archive.zipped(job.out))
    text = json.dumps({name: report["metrics"] for name, report in reports.items()}, indent=2) + "\n"
    artifacts.write(beside / f"{job.variant}.measurements.json", text.encode())
