"""The files of a platform's bundle in artifacts/package/: there as a whole, or not at all.

The stage package writes the folder, its zip, the sample code and the measurements; the stage proof
writes the proof last. A build that ends between the two leaves files that do not belong together.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.trust import proof, provenance
from edgebake.errors import ArtifactError, ProofError
from edgebake.terminal.printable import printable

FOLDER = artifacts.ROOT / "package"


def paths(platform: str) -> tuple[Path, ...]:
    """Return all paths of a bundle: the proof first, the folder last."""
    folder = FOLDER / platform
    return (
        proof.proof_folder(folder),
        folder.with_name(f"{platform}.zip"),
        folder.with_name(f"{platform}.samples"),
        folder.with_name(f"{platform}.measurements.json"),
        folder,
    )


def remove(platform: str) -> None:
    """Remove all files of a bundle: the proof first, so that no other files have it."""
    for path in paths(platform):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def is_absent(platform: str) -> bool:
    """Return whether no file of a bundle is there."""
    return not any(path.exists() for path in paths(platform))


def fault(platform: str) -> str:
    """Return why the files of a bundle do not belong together, or an empty text if they do."""
    for path in paths(platform):
        if not path.exists():
            return f"{path} is missing"
    proof_folder, archive, _, measurements, folder = paths(platform)
    try:
        statement = provenance.unseal((proof_folder / proof.PROVENANCE).read_bytes(), None)
        artifacts.verify(proof_folder)
    except (OSError, ProofError, ArtifactError) as error:
        return f"{proof_folder} is damaged ({printable(error)})"
    digests = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    for file in (archive, measurements, folder / manifest.FILE):
        if not file.is_file() or digests.get(file.name) != artifacts.sha256_of(file):
            return f"{proof_folder} is of another build than {file}"
    return ""


def remove_incomplete(platforms: Iterable[str]) -> list[str]:
    """Remove the files of every bundle that is there in part, and return a line for each."""
    lines = []
    for platform in platforms:
        reason = "" if is_absent(platform) else fault(platform)
        if reason:
            remove(platform)
            lines.append(f"bundle {platform}: removed, because {reason}")
    return lines
