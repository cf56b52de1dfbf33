"""The files of an .mlpackage in, its specification and its weights out.

Reads and writes nothing; needs no coremltools, see schema.py.
"""

import json
from dataclasses import dataclass
from typing import Any

from edgebake.runtimes.coreml import FILE, schema

MANIFEST = f"{FILE}/Manifest.json"


@dataclass(frozen=True)
class Package:
    """What an .mlpackage holds: Apple's Model message, and the files of weights by their name."""

    specification: Any
    weights: dict[str, bytes]


def read(files: dict[str, bytes]) -> Package:
    """Return the package whose files lie below model.mlpackage/.

    Raises:
        ValueError: it holds no ML Program.
    """
    model = schema.load_module("Model_pb2").Model()
    model.ParseFromString(files[specification_file(files)])
    if model.WhichOneof("Type") != "mlProgram":
        raise ValueError(f"the package holds a {model.WhichOneof('Type')}; expected an ML Program")
    weights = {
        name.rsplit("/", 1)[-1]: content for name, content in files.items() if "/weights/" in name
    }
    return Package(model, weights)


def specification_file(files: dict[str, bytes]) -> str:
    """Return the path of the file that holds the Model message, as Manifest.json names it."""
    manifest = json.loads(files[MANIFEST])
    return f"{FILE}/Data/{manifest['itemInfoEntries'][manifest['rootModelIdentifier']]['path']}"
