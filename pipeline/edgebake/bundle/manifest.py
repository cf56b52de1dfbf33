"""Write manifest.json, which tells an app how to run the models of a bundle.

The same commit always gives the same manifest. Latency, memory and the machine differ between
builds, so they are written beside the bundle, to <platform>.measurements.json.
"""

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from edgebake import artifacts
from edgebake.bundle import json_schema
from edgebake.bundle.json_schema import SchemaError
from edgebake.bundle.manifest_types import (
    EncryptionEntry,
    FileEntry,
    Manifest,
    ManifestBody,
    ManifestHead,
    SourceEntry,
    TargetEntry,
)
from edgebake.errors import RecipeError
from edgebake.recipe.stage_params import PackageParams

FILE = "manifest.json"
SCHEMA = "edgebake.manifest/1"  # classifiers of one image, as apps of earlier releases read them
SCHEMA_2 = "edgebake.manifest/2"  # any inputs and outputs
SCHEMA_FILES = {SCHEMA: "manifest.schema.json", SCHEMA_2: "manifest2.schema.json"}
UNSIGNED = "unsigned"


def compose_head(
    section: PackageParams, platform: str, targets: dict[str, TargetEntry], source: SourceEntry
) -> ManifestHead:
    """Compose the manifest without its signature, licenses and files."""
    release = section.about
    commit: SourceEntry = {"git_commit": source["git_commit"], "dirty": source["dirty"]}
    return {
        "schema": _schema_of(targets.values()),
        "name": release.name,
        "version": release.version,
        "author": release.author,
        "license": release.license,
        "description": release.description,
        "platform": platform,
        "source": commit,
        "chain": list(targets),
        "targets": targets,
    }


def render(
    body: ManifestBody, files: Mapping[str, bytes], encrypted: Mapping[str, EncryptionEntry]
) -> str:
    """Return the text of manifest.json, validated against its schema.

    Args:
        body: the manifest without its files.
        files: every file of the bundle except the manifest, by path.
        encrypted: the entry of each encrypted file, by path.

    Raises:
        RecipeError: a text or number of the recipes is larger than the schema allows.
    """
    entries: list[FileEntry] = []
    for path, data in sorted(files.items()):
        entry: FileEntry = {"path": path, "sha256": artifacts.sha256(data), "size": len(data)}
        if path in encrypted:
            entry["encryption"] = encrypted[path]
        entries.append(entry)
    manifest: Manifest = {**body, "files": entries}
    try:
        validate(manifest)
    except SchemaError as error:
        raise RecipeError(f"{FILE}: {error}") from None
    return json.dumps(manifest, indent=2) + "\n"


def _schema_of(entries: Iterable[TargetEntry]) -> str:
    """Return the form of entries; all of a bundle are of the same."""
    if all("input" in entry for entry in entries):
        return SCHEMA
    return SCHEMA_2


def validate(content: Mapping[str, Any]) -> None:
    """Validate the content of a manifest against the schema that it names.

    Raises:
        SchemaError: it does not match.
    """
    name = SCHEMA_FILES[content["schema"]]
    file = resources.files("edgebake.bundle") / name
    json_schema.validate(content, file.read_bytes())


def belongs_to(path: str, model: str) -> bool:
    """Return whether a file is a model, or lies in a model that is a folder."""
    return path == model or path.startswith(f"{model}/")


def signing_key_id(body: ManifestBody) -> str | None:
    """Return the id of the key that signs the bundle; none for an unsigned bundle."""
    signature = body["signature"]
    if isinstance(signature, str):
        return None
    return signature["key_id"]
