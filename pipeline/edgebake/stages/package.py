"""All that a platform's targets validated in, one bundle out; or a refusal, with a table of every gate not passed.

Reads validate's outputs of one platform, and parity's. Writes the bundle, and beside the folder <platform>.zip, sample
code in <platform>.samples/ and <platform>.measurements.json; and, refused or not, artifacts/verdicts/<target>.json.
"""

import json
import shutil
from dataclasses import asdict
from typing import Any

from edgebake import artifacts
from edgebake.bundle import archive, assemble, manifest, samples
from edgebake.bundle.lineage import recipe_digest, trace
from edgebake.bundle.trust import proof
from edgebake.errors import GateError
from edgebake.evaluation.gates.judge import Judgment, judge
from edgebake.recipe.stage_params import PackageParams, read_plan, to_plain
from edgebake.report import tables
from edgebake.stages.job import Job

REVISION = artifacts.ROOT / "revision"


def run(job: Job) -> str:
    """Judge every target of the platform, then bundle them."""
    section: PackageParams = job.section
    found = {name: judge(target, job.variant) for name, target in section.targets.items()}
    _leave_verdicts(section, found)
    _refuse(job.variant, found)
    entries = {
        name: manifest.package_target(section.targets[name], judged)
        for name, judged in found.items()
    }
    source = json.loads((REVISION / f"{job.variant}.json").read_text())
    files = assemble.assemble(section, job.variant, entries, source)
    artifacts.write_files(job.out, files)
    _write_beside(job, found, files)
    return f"{len(found)} target{'s' if len(found) != 1 else ''}, {artifacts.ROOT / 'package' / job.variant}.zip"


def _leave_verdicts(section: PackageParams, found: dict[str, Judgment]) -> None:
    """Tell the planner which targets missed a gate: it takes the next rung of those that say `quantize: auto`."""
    for name, judged in found.items():
        missed = [one.shortfall for one in judged.decisions if not one.lets_through]
        # Not the planner's digest: an experiment may have changed params.yaml since, and says nothing of the recipe.
        target = section.targets[name]
        sha256 = recipe_digest(trace(read_plan(), target.validate), to_plain(target))
        verdict = {"recipe_sha256": sha256, "missed": missed}
        artifacts.write(
            artifacts.VERDICTS / f"{name}.json", (json.dumps(verdict, indent=2) + "\n").encode()
        )


def _refuse(platform: str, found: dict[str, Judgment]) -> None:
    decided = [(name, one) for name, judged in found.items() for one in judged.decisions]
    missed = [(name, one) for name, one in decided if not one.lets_through]
    if missed:
        # Of the bundle before this one: it is no proof of anything that lies there.
        shutil.rmtree(proof.proof_folder(artifacts.folder("package", platform)), ignore_errors=True)
        lines = [f"{platform}: no bundle, {len(missed)} of {len(decided)} gates not passed"]
        raise GateError(
            "\n".join([*lines, tables.as_text(tables.gates(missed)), *tables.notes(missed)])
        )


def _write_beside(job: Job, found: dict[str, Judgment], files: dict[str, bytes]) -> None:
    # The archive is of the bundle as it will lie there, SHA256SUMS included.
    (job.out / artifacts.SUMS).write_text(artifacts.sums(job.out))
    beside = artifacts.ROOT / "package"
    archived, measured = (
        archive.zip_folder(job.out),
        {name: _measured(judged) for name, judged in found.items()},
    )
    with artifacts.published(beside / f"{job.variant}.samples") as folder:
        artifacts.write_files(folder, samples.render(json.loads(files[manifest.FILE]), files))
    artifacts.write(
        beside / f"{job.variant}.measurements.json",
        (json.dumps(measured, indent=2) + "\n").encode(),
    )
    artifacts.write(beside / f"{job.variant}.zip", archived)


def _measured(judged: Judgment) -> dict[str, Any]:
    """Return every number of a target, and what each gate was decided from."""
    return {
        "metrics": {name: metric.to_dict() for name, metric in judged.evidence.metrics.items()},
        "gates": [one.measured_dict() for one in judged.decisions],
        "placement": [asdict(one) for one in judged.evidence.placements],
        "parity": judged.evidence.parity,
    }
