"""Judge the targets of a platform, and assemble their bundle if every gate lets them through.

Reads validate's outputs of one platform, and parity's. Writes the bundle, and next to its folder
<platform>.zip, the sample code <platform>.samples/ and <platform>.measurements.json. Writes
artifacts/verdicts/<target>.json also without a bundle. A refusal prints the gates not passed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from edgebake import artifacts
from edgebake.bundle import archive, assemble, bundle_files, manifest, samples, target_entry
from edgebake.errors import GateError
from edgebake.evaluation.gates.candidates import Choice, choose
from edgebake.evaluation.gates.judge import Judgment, judge
from edgebake.recipe.stage_params import PackageParams, read_plan
from edgebake.recipe.typed_values import to_plain
from edgebake.report import tables
from edgebake.stages import verdicts
from edgebake.stages.job import Job
from edgebake.stages.revision import Revision

REVISION = artifacts.ROOT / "revision"
PACKAGES = artifacts.ROOT / "package"

Judgments = dict[str, Judgment]  # by target


def run(job: Job[PackageParams]) -> str:
    """Judge every target of the platform, then assemble the bundle."""
    params = job.params
    platform = job.variant
    bundle_files.remove(platform)  # whatever fails: an older bundle does not pass for this one
    judgments = {}
    for name, target in params.targets.items():
        judgments[name] = judge(target, platform)
    for name, judgment in judgments.items():
        _write_verdict(params, name, judgment)
    choices = choose(params.targets, judgments)
    _check_gates(platform, choices, judgments)
    shipped = {choice.target: choice.ships for choice in choices if choice.ships is not None}
    targets = {name: params.targets[entry] for name, entry in shipped.items()}
    shipped_judgments = {name: judgments[entry] for name, entry in shipped.items()}
    packaged = target_entry.package_targets(targets, shipped_judgments)
    revision = artifacts.read_json(REVISION / f"{platform}.json", Revision)
    section = replace(params, targets=targets)
    files = assemble.assemble(section, platform, packaged, revision)
    artifacts.write_files(job.out, files)
    _write_companions(job, _by_shipped_name(judgments, shipped), files)
    return _line(platform, choices)


def _by_shipped_name(judgments: Judgments, shipped: Mapping[str, str]) -> Judgments:
    """Return the judgments, those of files that ship by the name of their target."""
    targets = {entry: name for name, entry in shipped.items()}
    return {targets.get(entry, entry): judgment for entry, judgment in judgments.items()}


def _line(platform: str, choices: Sequence[Choice]) -> str:
    """Return how many targets ship, where, and which candidates."""
    count = len(choices)
    plural = "" if count == 1 else "s"
    archive_file = f"{PACKAGES / platform}.zip"
    parts = [f"{count} target{plural}, {archive_file}"]
    for choice in choices:
        if choice.line:
            parts.append(choice.line)
    return "; ".join(parts)


def _write_verdict(params: PackageParams, name: str, judgment: Judgment) -> None:
    """Record the missed gates of a target, for the scheme search of `quantize: auto`."""
    missed = []
    for decision in judgment.decisions:
        if not decision.lets_through:
            missed.append(decision.shortfall)
    verdicts.write(read_plan(), name, to_plain(params.targets[name]), missed)


def _check_gates(platform: str, choices: Sequence[Choice], judgments: Judgments) -> None:
    """Check that every gate lets each target through, or one of its candidates.

    Raises:
        GateError: some do not; the message has a table of them.
    """
    count = 0
    missed = []
    for choice in choices:
        # Gates that a candidate misses count only if none of the others ships.
        judged = choice.entries
        if choice.ships is not None:
            judged = (choice.ships,)
        for name in judged:
            for decision in judgments[name].decisions:
                count += 1
                if not decision.lets_through:
                    missed.append((name, decision))
    if missed:
        table = tables.gates(missed)
        lines = [
            f"{platform}: no bundle, {len(missed)} of {count} gates not passed",
            tables.as_text(table),
            *tables.notes(missed),
        ]
        raise GateError("\n".join(lines))


def _write_companions(
    job: Job[PackageParams], judgments: Judgments, files: dict[str, bytes]
) -> None:
    """Write the archive, the sample code and the measurements next to the bundle."""
    # First: the archive has the bundle as it is published, with SHA256SUMS.
    job.write_text(artifacts.SUMS, artifacts.sums(job.out))
    zipped = archive.zip_folder(job.out)
    measurements = {}
    for name, judgment in judgments.items():
        measurements[name] = _measurements(judgment)
    with artifacts.publish(PACKAGES / f"{job.variant}.samples") as folder:
        content = json.loads(files[manifest.FILE])
        sample_files = samples.render(content, files)
        artifacts.write_files(folder, sample_files)
    artifacts.write_json(PACKAGES / f"{job.variant}.measurements.json", measurements)
    artifacts.write(PACKAGES / f"{job.variant}.zip", zipped)


def _measurements(judgment: Judgment) -> dict[str, object]:
    """Return every measurement of a target, and the numbers behind each gate's verdict."""
    evidence = judgment.evidence
    metrics = {}
    for name, metric in evidence.metrics.items():
        metrics[name] = metric.to_dict()
    gates = [decision.measured_dict() for decision in judgment.decisions]
    placements = [asdict(placement) for placement in evidence.placements]
    comparisons = [asdict(comparison) for comparison in evidence.comparisons]
    return {"metrics": metrics, "gates": gates, "placement": placements, "parity": comparisons}
