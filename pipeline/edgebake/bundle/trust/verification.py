"""What `edgebake verify` asks of a bundle's content, one function for each question; proof is another module's.

Each takes the folder and its manifest, returns what was found in a few words, and raises ProofError where it is not so.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from edgebake import artifacts
from edgebake.bundle import fallback_order, manifest, sbom
from edgebake.bundle.trust import sbom_check
from edgebake.bundle.trust.safe_extract import reject_unsafe_path
from edgebake.errors import ProofError

MOST_BYTES = 4 << 20  # of a manifest: one of a thousand files takes a tenth of it
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
PROTOBUF = re.compile(
    rb"\x08.*", re.DOTALL
)  # field 1, a number: the version, which both kinds begin with
# What a bundle holds: by place and name, a text, JSON, or how a model begins. No code: stores forbid apps to load any.
KINDS: dict[str, Literal["json", "text"] | re.Pattern[bytes]] = {
    r"sbom\.cdx\.json|golden/[^/]+\.json|models/[^/]+\.mlpackage/Manifest\.json": "json",
    r"NOTICE|MODEL_CARD\.md|LICENSES/[^/]+\.txt|models/[^/]+\.labels\.txt|models/[^/]+\.config": "text",
    r"models/[^/]+\.tflite": re.compile(rb".{4}TFL3", re.DOTALL),
    r"models/[^/]+\.ort": re.compile(rb".{4}ORTM", re.DOTALL),
    r"models/[^/]+\.onnx": PROTOBUF,
    r"models/[^/]+\.mlpackage/.+\.mlmodel": PROTOBUF,
    r"models/[^/]+\.mlpackage/.+/weights/weight\.bin": re.compile(rb".{4}\x02\0\0\0", re.DOTALL),
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
        raise ProofError(
            f"{manifest.FILE}: {file.stat().st_size:,} bytes; expected at most {MOST_BYTES:,}"
        )
    try:
        content = json.loads(file.read_bytes(), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"{manifest.FILE}: not JSON that can be read: {error}") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != manifest.SCHEMA:
        raise ProofError(
            f"{manifest.FILE}: schema: {schema!r}; this edgebake reads {manifest.SCHEMA} alone"
        )
    _refuse_controls(content)
    _refuse_paths(content)
    _refuse_invalid(content)
    found: dict[str, Any] = content
    return found


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_controls(content: dict[str, Any]) -> None:
    """Refuse texts that could draw lines of their own on a terminal, or that cannot be printed at all."""
    for key, value in _texts(content):
        if CONTROL.search(key) or CONTROL.search(value):
            raise ProofError(
                f"{manifest.FILE}: {key!a:.100}: a control character; expected plain text"
            )


def _refuse_paths(content: Any) -> None:
    """Refuse paths that leave the bundle by that name, before the schema calls them no match of a pattern."""
    for key, value in _texts(content):
        if value.startswith("/") or ".." in value.split("/"):
            try:
                reject_unsafe_path(value)
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
    import jsonschema  # 0.2 s

    try:
        manifest.validate(content)
    except jsonschema.ValidationError as error:
        raise ProofError(
            f"{manifest.FILE}: {error.json_path.removeprefix('$.')}: {error.message[:200]}"
        ) from None


def check_files(folder: Path, content: dict[str, Any]) -> str:
    """Hold every file against the manifest, and the manifest against SHA256SUMS."""
    listed = {file["path"]: file for file in content["files"]}
    if len(listed) != len(content["files"]):
        raise ProofError(f"{manifest.FILE}: files: a path stands there twice")
    lying = {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }
    for path in sorted(listed.keys() - lying.keys()):
        raise ProofError(
            f"{path}: not there, though the manifest lists it{_instead(path, lying.keys() - listed.keys())}"
        )
    for path in sorted(lying.keys() - listed.keys() - {manifest.FILE, artifacts.SUMS}):
        raise ProofError(f"{path}: not in the manifest; somebody added it")
    for path, file in listed.items():
        if lying[path].stat().st_size != file["size"]:
            raise ProofError(
                f"{path}: {lying[path].stat().st_size:,} bytes; the manifest says {file['size']:,}"
            )
        if artifacts.sha256_of(lying[path]) != file["sha256"]:
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
    if (
        f"{artifacts.sha256_of(folder / manifest.FILE)}  {manifest.FILE}\n".encode()
        not in sums.read_bytes()
    ):
        raise ProofError(f"{manifest.FILE}: changed; its sha256 is not what {artifacts.SUMS} says")
    raise ProofError(f"{artifacts.SUMS}: changed; it is not the list of what lies there")


def check_file_types(folder: Path, content: dict[str, Any]) -> str:
    """Hold each file against what its place and name say that it is: a model, a text or data."""
    for file in content["files"]:
        problem = _problem(file["path"], folder / file["path"], "encryption" in file)
        if problem:
            raise ProofError(f"{file['path']}: {problem}")
    return "models, texts and data alone"


def _problem(path: str, file: Path, is_encrypted: bool) -> str | None:
    kind = next((kind for place, kind in KINDS.items() if re.fullmatch(place, path)), None)
    if kind is None:
        return "no kind of file that a bundle holds in this place"
    if is_encrypted:
        return None
    if isinstance(kind, str):
        return _not_text(file, kind)
    with file.open("rb") as content:
        return None if kind.fullmatch(content.read(8)) else "does not begin as such a model does"


def _not_text(file: Path, kind: str) -> str | None:
    try:
        text = file.read_text("utf-8")
        if kind == "json":
            json.loads(text)
    except (ValueError, RecursionError):
        return f"expected {'JSON' if kind == 'json' else 'a text in UTF-8'}"
    return (
        "a script, or holds zeros; expected a text"
        if text.startswith("#!") or "\0" in text
        else None
    )


def check_fallback_order(_: Path, content: dict[str, Any]) -> str:
    """Hold the chain against the targets: it ends, each is some device's first, and what they name is there."""
    listed = {file["path"] for file in content["files"]}
    if sorted(content["chain"]) != sorted(content["targets"]):
        raise ProofError(
            f"{manifest.FILE}: chain: expected each target once: {', '.join(content['targets'])}"
        )
    for name in content["chain"]:
        target = content["targets"][name]
        for path in (
            target["golden"],
            *(step["labels"] for step in target["postprocessing"] if "labels" in step),
        ):
            if path not in listed:
                raise ProofError(f"{manifest.FILE}: targets.{name}: {path}: not among the files")
        _hold_model(name, target, content["files"])
    for problem in fallback_order.find_problems(
        {name: content["targets"][name] for name in content["chain"]}
    ):
        raise ProofError(f"{manifest.FILE}: chain: {problem}")
    return " > ".join(content["chain"])


def _hold_model(name: str, target: dict[str, Any], listed: list[dict[str, Any]]) -> None:
    where, model = f"{manifest.FILE}: targets.{name}", target["model"]
    files = [file for file in listed if manifest.belongs_to(file["path"], model)]
    if not files:
        raise ProofError(f"{where}.model: {model}: not among the files")
    for file in files:
        if ("encryption" in file) != (target["protection"] == "encrypt"):
            raise ProofError(
                f"{where}.protection: {target['protection']}; {file['path']} is "
                f"{'encrypted' if 'encryption' in file else 'plain'}"
            )


def check_sbom(folder: Path, content: dict[str, Any]) -> str:
    """Hold the SBOM against its schema and the files."""
    if not (folder / sbom.FILE).is_file():
        raise ProofError(
            f"{sbom.FILE}: not there; expected the bill of materials at the top of the bundle"
        )
    text = (folder / sbom.FILE).read_bytes()
    for problem in sbom_check.find_problems(
        text, {file["path"]: file["sha256"] for file in content["files"]}
    ):
        raise ProofError(f"{sbom.FILE}: {problem}")
    found, said = (
        sbom_check.component_licenses(text),
        {(one["name"], one["license"]) for one in content["licenses"]},
    )
    for name, license_ in sorted(found ^ said):
        where = sbom.FILE if (name, license_) in said else manifest.FILE
        raise ProofError(
            f"{where}: licenses: {name} under {license_}: not there; expected the same in both"
        )
    return "CycloneDX 1.6, every model in it"
