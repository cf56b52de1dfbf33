"""Write bundles of a few bytes with all their files, as package and sign do."""

from pathlib import Path

from edgebake import artifacts
from edgebake.bundle.trust import proof, provenance
from edgebake.bundle.trust.provenance import BuildRecord, TrainingData

FOLDER = Path("artifacts/package")
DIGEST = "cd" * 32


def write(platform: str, manifest: bytes) -> None:
    """Write a bundle whose proof describes all of its files."""
    subjects = {}
    for path in (f"{platform}/manifest.json", f"{platform}.zip", f"{platform}.measurements.json"):
        artifacts.write(FOLDER / path, manifest)
        subjects[Path(path).name] = artifacts.sha256(manifest)
    artifacts.write(FOLDER / f"{platform}.samples/README.md", manifest)
    record = BuildRecord(
        platform=platform,
        subjects=subjects,
        git_commit="ab" * 20,
        dirty=False,
        recipes={"target": DIGEST},
        params=DIGEST,
        lock=DIGEST,
        data=[TrainingData("digits", {"sha256": DIGEST})],
        tools={"numpy": "2.0.0"},
        version="0.1.0",
    )
    envelope = provenance.seal(provenance.build_statement(record), None)
    with artifacts.publish(FOLDER / f"{platform}.proof") as out:
        (out / proof.PROVENANCE).write_bytes(envelope)
