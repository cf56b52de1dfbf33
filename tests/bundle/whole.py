"""Write bundles of a few bytes with all their files, as package and sign do."""

from pathlib import Path

from edgebake import artifacts
from edgebake.bundle.trust import proof, provenance

FOLDER = Path("artifacts/package")


def write(platform: str, manifest: bytes) -> None:
    """Write a bundle whose proof describes all of its files."""
    subjects = []
    for path in (f"{platform}/manifest.json", f"{platform}.zip", f"{platform}.measurements.json"):
        artifacts.write(FOLDER / path, manifest)
        digest = {"sha256": artifacts.sha256(manifest)}
        subjects.append({"name": Path(path).name, "digest": digest})
    artifacts.write(FOLDER / f"{platform}.samples/README.md", manifest)
    statement = {**provenance.STATEMENT_TYPES, "subject": subjects, "predicate": {}}
    with artifacts.publish(FOLDER / f"{platform}.proof") as out:
        envelope = provenance.seal(statement, None)  # type: ignore[arg-type]
        (out / proof.PROVENANCE).write_bytes(envelope)
