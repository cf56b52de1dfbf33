"""Read the specification and the weights of an .mlpackage.

Reads and writes nothing on disk; needs no coremltools, see schema.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.runtimes.coreml import FILE, schema

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import Model

MANIFEST = f"{FILE}/Manifest.json"


@dataclass(frozen=True)
class Package:
    """Contents of an .mlpackage: Apple's Model message, and the weight files by name."""

    specification: Model
    weights: dict[str, bytes]


def read(files: dict[str, bytes]) -> Package:
    """Parse the files below model.mlpackage/.

    Raises:
        ValueError: the package contains no ML Program.
    """
    model = schema.load_module("Model_pb2").Model()
    specification = files[specification_file(files)]
    model.ParseFromString(specification)
    model_type = model.WhichOneof("Type")
    if model_type != "mlProgram":
        raise ValueError(f"the package holds a {model_type}; expected an ML Program")
    weights = {}
    for path, contents in files.items():
        if "/weights/" in path:
            _, _, name = path.rpartition("/")
            weights[name] = contents
    return Package(model, weights)


def specification_file(files: dict[str, bytes]) -> str:
    """Return the path of the file with the Model message, which Manifest.json names."""
    manifest = json.loads(files[MANIFEST])
    entries = manifest["itemInfoEntries"]
    root = manifest["rootModelIdentifier"]
    path = entries[root]["path"]
    return f"{FILE}/Data/{path}"
