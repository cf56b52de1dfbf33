"""What `edgebake verify` asks of a bundle's content, one function for each question; proof is another module's.

Each takes the folder and its manifest, returns what was found in a few words, and raises ProofError where it is not so.
"""

import json
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Any

from pipeline import artifacts
from pipeline.bundle import chain, manifest, sbom
from pipeline.bundle.untrusted import refuse_path
from pipeline.errors import ProofError

MOST_BYTES = 4 << 20  # of a manifest: one of a thousand files takes a tenth of it
# What a bundle holds, by the end of its name. No code: stores forbid apps to load any that they did not review.
ENDINGS = (
    *(".tflite", ".onnx", ".ort", ".config", ".mlmodel", ".bin", ".plist"),
    *(".json", ".txt", ".md", "NOTICE", artifacts.SUMS),
)
# How files begin that a machine would run, or Python would run code from.
CODE = {
    b"\x7fELF": "a program of Linux",
    b"MZ": "a program of Windows",
    b"\xcf\xfa\xed\xfe": "a program of macOS",
    b"\xce\xfa\xed\xfe": "a program of macOS",
    b"\xca\xfe\xba\xbe": "a program of macOS, or a class of Java",
    b"dex\n": "code of Android",
    b"#!": "a script",
    b"PK\x03\x04": "an archive",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x00asm": "WebAssembly",
}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a bundle, checked against its schema.

    Raises:
        ProofError: there is none, it is too large, of another schema, or not what the schema says.
    """
    file = folder / manifest.FILE
    if not file.is_file():
        raise ProofError(f"{manifest.FILE}: not there; expected it at the top of the bundle")
    if file.stat().st_size > MOST_BYTES:
        raise ProofError(f"{manifest.FILE}: {file.stat().st_size:,} bytes; expected at most {MOST_BYTES:,}")
    try:
        content = json.loads(file.read_bytes(), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"{manifest.FILE}: not JSON that can be read: {error}") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != manifest.SCHEMA:
        raise ProofError(f"{manifest.FILE}: schema: {schema!r}; this edgebake reads {manifest.SCHEMA} alone")
    _refuse_paths(content)
    _refuse_invalid(content)
    found: dict[str, Any] = content
    return found


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_paths(content: Any) -> None:
    """Refuse paths that leave the bundle by that name, before the schema calls them no match of a pattern."""
    for key, value in _texts(content):
        if value.startswith("/") or ".." in value.split("/"):
            try:
                refuse_path(value)
            except ProofError as error:
                raise ProofError(f"{manifest.FILE}: {key}: {error}") from None


def _texts(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield key, content
    elif isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for name, value in items:
            yield from _texts(value, f"{key}.{name}" if key else str(name))


def _refuse_invalid(content: Any) -> None:
    import jsonschema  # noqa: PLC0415 - 0.2 s

    try:
        manifest.validate(content)
    except jsonschema.ValidationError as error:
        raise ProofError(f"{manifest.FILE}: {error.json_path.removeprefix('$.')}: {error.message[:200]}") from None


def files(folder: Path, content: dict[str, Any]) -> str:
    """Hold every file against the manifest, and the manifest against SHA256SUMS."""
    listed = {file["path"]: file for file in content["files"]}
    lying = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    for path in sorted(listed.keys() - lying.keys()):
        raise ProofError(
            f"{path}: not there, though the manifest lists it{_instead(path, lying.keys() - listed.keys())}"
        )
    for path in sorted(lying.keys() - listed.keys() - {manifest.FILE, artifacts.SUMS}):
        raise ProofError(f"{path}: not in the manifest; somebody added it")
    for path, file in listed.items():
        if lying[path].stat().st_size != file["size"]:
            raise ProofError(f"{path}: {lying[path].stat().st_size:,} bytes; the manifest says {file['size']:,}")
        if _sha256(lying[path]) != file["sha256"]:
            raise ProofError(f"{path}: changed; its sha256 is not what the manifest says")
    _hold_sums(folder)
    return f"{len(listed)} files, {sum(file['size'] for file in content['files']):,} bytes, each as the manifest says"


def _instead(path: str, added: set[str]) -> str:
    """Say where a file of the same name lies, if it was moved."""
    moved = [other for other in sorted(added) if other.endswith(f"/{path.rpartition('/')[2]}")]
    return f"; {moved[0]} is there and not listed" if moved else ""


def _hold_sums(folder: Path) -> None:
    sums = folder / artifacts.SUMS
    if not sums.is_file():
        raise ProofError(f"{artifacts.SUMS}: not there; expected it at the top of the bundle")
    if sums.read_bytes() == artifacts.sums(folder).encode():
        return
    if f"{_sha256(folder / manifest.FILE)}  {manifest.FILE}\n".encode() not in sums.read_bytes():
        raise ProofError(f"{manifest.FILE}: changed; its sha256 is not what {artifacts.SUMS} says")
    raise ProofError(f"{artifacts.SUMS}: changed; it is not the list of what lies there")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def no_code(folder: Path, content: dict[str, Any]) -> str:
    """Refuse what is not known to be a model, a text or data, and what begins as a program does."""
    for path in sorted(file["path"] for file in content["files"]):
        if not path.endswith(ENDINGS):
            raise ProofError(f"{path}: no kind of file that a bundle holds; expected one of: {', '.join(ENDINGS)}")
        with (folder / path).open("rb") as file:
            start = file.read(8)
        for magic, kind in CODE.items():
            if start.startswith(magic) and not path.endswith((".txt", ".md")):
                raise ProofError(f"{path}: begins as {kind} does; expected a model, a text or data")
    return "no program, script, archive or pickle"


def targets(_: Path, content: dict[str, Any]) -> str:
    """Hold the chain against the targets: it ends, each is some device's first, and what they name is there."""
    listed = {file["path"] for file in content["files"]}
    if sorted(content["chain"]) != sorted(content["targets"]):
        raise ProofError(f"{manifest.FILE}: chain: expected each target once: {', '.join(content['targets'])}")
    for name in content["chain"]:
        target = content["targets"][name]
        for path in (target["golden"], *(step["labels"] for step in target["postprocessing"] if "labels" in step)):
            if path not in listed:
                raise ProofError(f"{manifest.FILE}: targets.{name}: {path}: not among the files")
        if not any(path == target["model"] or path.startswith(f"{target['model']}/") for path in listed):
            raise ProofError(f"{manifest.FILE}: targets.{name}.model: {target['model']}: not among the files")
    for problem in chain.problems({name: content["targets"][name] for name in content["chain"]}):
        raise ProofError(f"{manifest.FILE}: chain: {problem}")
    return " > ".join(content["chain"])


def bill(folder: Path, content: dict[str, Any]) -> str:
    """Hold the SBOM against its schema and the files."""
    listed = {file["path"]: (folder / file["path"]).read_bytes() for file in content["files"]}
    if sbom.FILE not in listed:
        raise ProofError(f"{sbom.FILE}: not there; expected the bill of materials at the top of the bundle")
    for problem in sbom.check(listed[sbom.FILE], listed):
        raise ProofError(f"{sbom.FILE}: {problem}")
    return "CycloneDX 1.6, every model in it"
