"""Checks of a bundle's files for `edgebake verify`; other modules check their content.

A check takes the folder and the manifest, returns what it checked in a few words, and raises
ProofError if the bundle fails.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from edgebake import artifacts
from edgebake.bundle import fallback_order, manifest, sbom
from edgebake.bundle.manifest_types import FileEntry, Manifest, TargetEntry
from edgebake.bundle.tensors_of import files_of, inputs_of
from edgebake.bundle.trust import bounded_read, sbom_check
from edgebake.errors import ProofError

TARGET_FOLDERS = ("models/", "golden/")
MAX_SUMS = 1 << 20  # bytes of SHA256SUMS; 2,000 files take half of it


def check_files(folder: Path, content: Manifest) -> str:
    """Compare every file with the manifest, and the manifest with SHA256SUMS.

    Raises:
        ProofError: a file is missing, added or changed.
    """
    listed = {file["path"]: file for file in content["files"]}
    if len(listed) != len(content["files"]):
        raise ProofError(f"{manifest.FILE}: files: a path is listed twice")
    files = {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }
    unlisted = files.keys() - listed.keys()
    for path in sorted(listed.keys() - files.keys()):
        raise ProofError(
            f"{path}: not found, though the manifest lists it{_moved_to(path, unlisted)}"
        )
    for path in sorted(unlisted - {manifest.FILE, artifacts.SUMS}):
        raise ProofError(f"{path}: not in the manifest; it was added later")
    for path, entry in listed.items():
        _check_file(files[path], entry)
    _check_sums(folder, content)
    size = sum(entry["size"] for entry in content["files"])
    return f"{len(listed)} files, {size:,} bytes, each as the manifest says"


def _check_file(file: Path, entry: FileEntry) -> None:
    path = entry["path"]
    size = file.stat().st_size
    if size != entry["size"]:
        raise ProofError(f"{path}: {size:,} bytes; the manifest says {entry['size']:,}")
    if artifacts.sha256_of(file) != entry["sha256"]:
        raise ProofError(f"{path}: changed; its sha256 is not what the manifest says")


def _moved_to(path: str, unlisted: Iterable[str]) -> str:
    """Return a hint at an unlisted file of the same name."""
    name = path.rpartition("/")[2]
    for candidate in sorted(unlisted):
        if candidate.endswith(f"/{name}"):
            return f"; {candidate} exists and is not listed"
    return ""


def _check_sums(folder: Path, content: Manifest) -> None:
    """Compare SHA256SUMS with the digests of the manifest, which are those of the files."""
    expected = "expected it at the top of the bundle"
    sums = bounded_read.read_part(folder / artifacts.SUMS, MAX_SUMS, artifacts.SUMS, expected)
    digests = {entry["path"]: entry["sha256"] for entry in content["files"]}
    digests[manifest.FILE] = artifacts.sha256_of(folder / manifest.FILE)
    lines = [f"{digest}  {path}\n" for path, digest in sorted(digests.items())]
    if sums == "".join(lines).encode():
        return
    manifest_line = f"{digests[manifest.FILE]}  {manifest.FILE}\n"
    if manifest_line.encode() not in sums:
        raise ProofError(f"{manifest.FILE}: changed; its sha256 is not what {artifacts.SUMS} says")
    raise ProofError(f"{artifacts.SUMS}: changed; it does not list the files of the bundle")


def check_fallback_order(_: Path, content: Manifest) -> str:
    """Check that the fallback order is sound, and that the files that targets name are listed.

    Raises:
        ProofError: it is not.
    """
    names = content["chain"]
    if sorted(names) != sorted(content["targets"]):
        raise ProofError(
            f"{manifest.FILE}: chain: expected each target once: {', '.join(content['targets'])}"
        )
    targets = {name: content["targets"][name] for name in names}
    listed = {file["path"] for file in content["files"]}
    for name, target in targets.items():
        for path in files_of(target):
            if path not in listed:
                raise ProofError(f"{manifest.FILE}: targets.{name}: {path}: not among the files")
        _check_model(name, target, content["files"])
    uses = {name: _use_of(target) for name, target in targets.items()}
    for alternatives in fallback_order.group(uses).values():
        group = {name: targets[name] for name in alternatives}
        for problem in fallback_order.find_problems(group):
            raise ProofError(f"{manifest.FILE}: chain: {problem}")
    _check_uses(content)
    return " > ".join(names)


def _use_of(target: TargetEntry) -> str:
    kinds = [entry["kind"] for entry in inputs_of(target)]
    return fallback_order.use_of(target["task"], kinds)


def _check_uses(content: Manifest) -> None:
    """Check that every file of a model or of golden vectors belongs to a target."""
    named = set()
    for target in content["targets"].values():
        named.update(files_of(target))
    for file in content["files"]:
        path = file["path"]
        if path in named or not path.startswith(TARGET_FOLDERS):
            continue
        if not any(_is_part(path, target["model"]) for target in content["targets"].values()):
            raise ProofError(f"{path}: of no target; expected only files that a target names")


def _is_part(path: str, model: str) -> bool:
    """Return whether a file is of a model: itself, in its folder, or a configuration beside it."""
    stem = model.rpartition(".")[0]
    return (
        manifest.belongs_to(path, model)
        or re.fullmatch(re.escape(stem) + r"\.[a-z_]+\.config", path) is not None
    )


def _check_model(name: str, target: TargetEntry, files: Iterable[FileEntry]) -> None:
    """Check that a target's model is listed, and encrypted if the target says so."""
    key, model = f"{manifest.FILE}: targets.{name}", target["model"]
    model_files = [file for file in files if manifest.belongs_to(file["path"], model)]
    if not model_files:
        raise ProofError(f"{key}.model: {model}: not among the files")
    for file in model_files:
        is_encrypted = "encryption" in file
        if is_encrypted != (target["protection"] == "encrypt"):
            actual = "encrypted" if is_encrypted else "plain"
            raise ProofError(
                f"{key}.protection: {target['protection']}; {file['path']} is {actual}"
            )


def check_sbom(folder: Path, content: Manifest) -> str:
    """Check the SBOM against its schema, the files and the manifest's licenses.

    Raises:
        ProofError: it is missing, invalid, or differs from them.
    """
    expected = "expected the SBOM at the top of the bundle"
    text = bounded_read.read_part(folder / sbom.FILE, sbom_check.MAX_BYTES, sbom.FILE, expected)
    digests = {entry["path"]: entry["sha256"] for entry in content["files"]}
    for problem in sbom_check.find_problems(text, digests):
        raise ProofError(f"{sbom.FILE}: {problem}")
    in_sbom = sbom_check.component_licenses(text)
    in_manifest = {(entry["name"], entry["license"]) for entry in content["licenses"]}
    for name, license_ in sorted(in_sbom ^ in_manifest):
        missing_in = sbom.FILE if (name, license_) in in_manifest else manifest.FILE
        raise ProofError(
            f"{missing_in}: licenses: {name:.100} under {license_:.100}: not found; "
            "expected the same in both"
        )
    return "CycloneDX 1.6, every model in it"
