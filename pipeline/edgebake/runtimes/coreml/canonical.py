"""Give equal Core ML packages equal bytes.

coremltools writes random identifiers, protobuf maps in the order of their hash, and the date of
conversion.
"""

import json
import uuid
from pathlib import Path

CONVERSION_DATE = "com.github.apple.coremltools.conversion_date"


def canonicalize(package: Path) -> None:
    """Rewrite an .mlpackage folder in place."""
    manifest_file = package / "Manifest.json"
    manifest = json.loads(manifest_file.read_text())
    entries = manifest["itemInfoEntries"]
    root = manifest["rootModelIdentifier"]
    identifiers = {key: _identifier(entry["path"]) for key, entry in entries.items()}
    manifest["itemInfoEntries"] = {identifiers[key]: entry for key, entry in entries.items()}
    manifest["rootModelIdentifier"] = identifiers[root]
    text = json.dumps(manifest, indent=4, sort_keys=True)
    manifest_file.write_text(f"{text}\n")
    specification = entries[root]["path"]
    _sort_maps(package / "Data" / specification)


def _identifier(path: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mlpackage:{path}"))


def _sort_maps(specification: Path) -> None:
    from coremltools import proto

    model = proto.Model_pb2.Model()
    model.ParseFromString(specification.read_bytes())
    model.description.metadata.userDefined.pop(CONVERSION_DATE, None)
    specification.write_bytes(model.SerializeToString(deterministic=True))
