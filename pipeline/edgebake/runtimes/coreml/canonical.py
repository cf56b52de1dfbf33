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
    old_root = manifest["rootModelIdentifier"]
    entries = {}
    root = ""
    for old, entry in manifest["itemInfoEntries"].items():
        identifier = _identifier(entry["path"])
        entries[identifier] = entry
        if old == old_root:
            root = identifier
    manifest["itemInfoEntries"] = entries
    manifest["rootModelIdentifier"] = root
    text = json.dumps(manifest, indent=4, sort_keys=True)
    manifest_file.write_text(f"{text}\n")
    specification = entries[root]["path"]
    _sort_maps(package / "Data" / specification)


def _identifier(path: str) -> str:
    name = f"mlpackage:{path}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _sort_maps(specification: Path) -> None:
    from coremltools import proto

    model = proto.Model_pb2.Model()
    model.ParseFromString(specification.read_bytes())
    metadata = model.description.metadata
    metadata.userDefined.pop(CONVERSION_DATE, None)
    serialized = model.SerializeToString(deterministic=True)
    specification.write_bytes(serialized)
