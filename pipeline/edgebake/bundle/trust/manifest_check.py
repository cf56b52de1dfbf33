"""Read the manifest of a bundle from an untrusted source.

Its size and the number of its entries are limited before it is validated against its schema.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from edgebake.bundle import manifest
from edgebake.bundle.json_schema import SchemaError
from edgebake.bundle.manifest_types import Manifest, TargetEntry
from edgebake.bundle.tensors_of import inputs_of, outputs_of
from edgebake.bundle.trust import bounded_read
from edgebake.bundle.trust.safe_extract import reject_unsafe_path
from edgebake.documents import strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ProofError
from edgebake.terminal.printable import is_printable, printable

MAX_BYTES = 4 << 20  # of a manifest; a manifest of a thousand files takes 10 % of it
# Entries of a list or object by key. Files are limited as in safe_extract.
MAX_ENTRIES = {"targets": 100, "chain": 100, "licenses": 300, "files": 2_000}
READABLE = tuple(manifest.SCHEMA_FILES)
# Zero-width joiners, which the spelling of Persian, Indic scripts and emoji needs: allowed in
# labels, which only the app shows.
JOINERS = re.compile("[\u200c\u200d]")
LABEL_KEY = re.compile(r"targets\..+\.labels\.\d+")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a bundle, validated against its schema.

    Raises:
        ProofError: it is missing, too large, of another schema, or does not match its schema.
    """
    content = _parse(folder / manifest.FILE)
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema not in READABLE:
        shown = printable(repr(schema), max_length=100)
        raise ProofError(
            f"{manifest.FILE}: schema: {shown}; this edgebake reads only {' and '.join(READABLE)}"
        )
    _refuse_excess(content)
    _refuse_unprintable(content)
    _refuse_unsafe_paths(content)
    try:
        manifest.validate(content)
    except SchemaError as error:
        raise ProofError(f"{manifest.FILE}: {error}") from None
    checked = cast("Manifest", content)
    for name, target in checked["targets"].items():
        for problem in _contradictions(target):
            raise ProofError(f"{manifest.FILE}: targets.{name}.{problem}")
    return checked


def _contradictions(target: TargetEntry) -> Iterator[str]:
    """Yield the keys of a target that fit no other; a schema compares no two."""
    inputs = [entry["name"] for entry in inputs_of(target)]
    outputs = [output["name"] for output in outputs_of(target)]
    for key, names in (("inputs", inputs), ("outputs", outputs)):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{key}: {name}: {count} of this name; expected one"
    for step in target["postprocessing"]:
        if step.get("output", outputs[0]) not in outputs:
            yield f"postprocessing: {step['step']}: output: {step['output']}: not among the outputs"
    score = target.get("score")
    if score is not None and score not in target["metrics"]:
        yield f"score: {score}: not among the metrics"


def _parse(file: Path) -> Any:
    expected = "expected it at the top of the bundle"
    data = bounded_read.read_part(file, MAX_BYTES, manifest.FILE, expected)
    try:
        return strict_json.parse(data, MAX_BYTES)
    except StrictJsonError as error:
        raise ProofError(f"{manifest.FILE}: {error}") from None


def _refuse_excess(content: Mapping[str, Any]) -> None:
    for key, limit in MAX_ENTRIES.items():
        value = content.get(key)
        if isinstance(value, dict | list) and len(value) > limit:
            raise ProofError(
                f"{manifest.FILE}: {key}: {len(value):,} entries; expected at most {limit:,}"
            )


def _refuse_unprintable(content: object) -> None:
    """Refuse text that could imitate output on a terminal, or that cannot be printed."""
    for key, text in _texts(content):
        shown = JOINERS.sub("", text) if LABEL_KEY.fullmatch(key) else text
        if not is_printable(key) or not is_printable(shown):
            raise ProofError(
                f"{manifest.FILE}: {key!a:.100}: a control or invisible character; "
                "expected plain text"
            )


def _refuse_unsafe_paths(content: object) -> None:
    """Refuse paths out of the bundle, with a clearer message than the schema's."""
    for key, text in _texts(content):
        if text.startswith("/") or ".." in text.split("/"):
            try:
                reject_unsafe_path(text)
            except ProofError as error:
                raise ProofError(f"{manifest.FILE}: {key:.100}: {error}") from None


def _texts(content: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in parsed JSON, with its key: targets.pixel_8.labels.0."""
    if isinstance(content, str):
        yield key, content
    elif isinstance(content, dict):
        for name, value in content.items():
            inner_key = f"{key}.{name}" if key else str(name)
            yield inner_key, ""
            yield from _texts(value, inner_key)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _texts(value, f"{key}.{index}" if key else str(index))
