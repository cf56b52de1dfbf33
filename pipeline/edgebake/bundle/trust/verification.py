"""Checks of a bundle's content for `edgebake verify`; proof.py checks its signature and provenance.

A check takes the folder and the manifest, returns what it checked in a few words, and raises
ProofError if the bundle fails.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from edgebake import artifacts
from edgebake.bundle import fallback_order, manifest, sbom
from edgebake.bundle.manifest_types import FileEntry, Manifest, TargetEntry
from edgebake.bundle.trust import sbom_check
from edgebake.bundle.trust.safe_extract import reject_unsafe_path
from edgebake.errors import ProofError

MAX_BYTES = 4 << 20  # of a manifest; a manifest of a thousand files takes 10 % of it
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MESSAGE_LENGTH = 200  # characters of an error of the schema


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a bundle, validated against its schema.

    Raises:
        ProofError: it is missing, too large, of another schema, or does not match its schema.
    """
    file = folder / manifest.FILE
    if not file.is_file():
        raise ProofError(f"{manifest.FILE}: not found; expected it at the top of the bundle")
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise ProofError(f"{manifest.FILE}: {size:,} bytes; expected at most {MAX_BYTES:,}")
    try:
        content = json.loads(file.read_bytes(), object_pairs_hook=_refuse_duplicate_keys)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"{manifest.FILE}: not valid JSON: {error}") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != manifest.SCHEMA:
        raise ProofError(
            f"{manifest.FILE}: schema: {schema!r}; this edgebake reads only {manifest.SCHEMA}"
        )
    _refuse_control_characters(content)
    _refuse_unsafe_paths(content)
    _refuse_invalid(content)
    return cast("Manifest", content)


def _refuse_duplicate_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key is repeated in one object")
    return values


def _refuse_control_characters(content: object) -> None:
    """Refuse text that could imitate output on a terminal, or that cannot be printed."""
    for key, text in _texts(content):
        if CONTROL.search(key) or CONTROL.search(text):
            raise ProofError(
                f"{manifest.FILE}: {key!a:.100}: a control character; expected plain text"
            )


def _refuse_unsafe_paths(content: object) -> None:
    """Refuse paths out of the bundle, with a clearer message than the schema's."""
    for key, text in _texts(content):
        if text.startswith("/") or ".." in text.split("/"):
            try:
                reject_unsafe_path(text)
            except ProofError as error:
                raise ProofError(f"{manifest.FILE}: {key}: {error}") from None


def _texts(content: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in parsed JSON, with its key: targets.pixel_8.labels.0."""
    if isinstance(content, str):
        yield key, content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _texts(value, f"{key}.{index}" if key else str(index))


def _refuse_invalid(content: object) -> None:
    import jsonschema  # 0.2 s

    try:
        manifest.validate(content)
    except jsonschema.ValidationError as error:
        key = error.json_path.removeprefix("$.")
        message = error.message[:MESSAGE_LENGTH]
        raise ProofError(f"{manifest.FILE}: {key}: {message}") from None


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
    _check_sums(folder)
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


def _check_sums(folder: Path) -> None:
    file = folder / artifacts.SUMS
    if not file.is_file():
        raise ProofError(f"{artifacts.SUMS}: not found; expected it at the top of the bundle")
    sums = file.read_bytes()
    if sums == artifacts.sums(folder).encode():
        return
    manifest_line = f"{artifacts.sha256_of(folder / manifest.FILE)}  {manifest.FILE}\n"
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
        for path in _named_files(target):
            if path not in listed:
                raise ProofError(f"{manifest.FILE}: targets.{name}: {path}: not among the files")
        _check_model(name, target, content["files"])
    for problem in fallback_order.find_problems(targets):
        raise ProofError(f"{manifest.FILE}: chain: {problem}")
    return " > ".join(names)


def _named_files(target: TargetEntry) -> list[str]:
    """Return the paths of a target's golden vectors and labels."""
    labels = [step["labels"] for step in target["postprocessing"] if "labels" in step]
    return [target["golden"], *labels]


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
    file = folder / sbom.FILE
    if not file.is_file():
        raise ProofError(f"{sbom.FILE}: not found; expected the SBOM at the top of the bundle")
    text = file.read_bytes()
    digests = {entry["path"]: entry["sha256"] for entry in content["files"]}
    for problem in sbom_check.find_problems(text, digests):
        raise ProofError(f"{sbom.FILE}: {problem}")
    in_sbom = sbom_check.component_licenses(text)
    in_manifest = {(entry["name"], entry["license"]) for entry in content["licenses"]}
    for name, license_ in sorted(in_sbom ^ in_manifest):
        missing_in = sbom.FILE if (name, license_) in in_manifest else manifest.FILE
        raise ProofError(
            f"{missing_in}: licenses: {name} under {license_}: not found; expected the same in both"
        )
    return "CycloneDX 1.6, every model in it"
