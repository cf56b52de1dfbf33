"""Check that a bundle contains only files of known types: models, texts and JSON.

Code is not among them: app stores forbid apps to load any.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from edgebake import plugins
from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest
from edgebake.errors import ProofError
from edgebake.runtimes.interface import load_runtime

# Field 1, a number: the version, with which ONNX and Core ML models begin.
PROTOBUF = re.compile(rb"\x08.*", re.DOTALL)
FileType = Literal["json", "text"] | re.Pattern[bytes]
# The files that a bundle may contain, by path: JSON, text, or the first bytes of a model.
FILE_TYPES: dict[str, FileType] = {
    r"sbom\.cdx\.json": "json",
    r"golden/[^/]+\.json": "json",
    r"models/[^/]+\.mlpackage/Manifest\.json": "json",
    r"NOTICE|MODEL_CARD\.md": "text",
    r"LICENSES/[^/]+\.txt": "text",
    r"models/[^/]+\.labels\.txt": "text",
    r"models/[^/]+\.config": "text",
    r"models/[^/]+\.tflite": re.compile(rb".{4}TFL3", re.DOTALL),
    r"models/[^/]+\.ort": re.compile(rb".{4}ORTM", re.DOTALL),
    r"models/[^/]+\.onnx": PROTOBUF,
    r"models/[^/]+\.mlpackage/.+\.mlmodel": PROTOBUF,
    r"models/[^/]+\.mlpackage/.+/weights/weight\.bin": re.compile(rb".{4}\x02\0\0\0", re.DOTALL),
}
MAGIC_BYTES = 8  # that the patterns above match


def check_file_types(
    folder: Path, content: Manifest, more_types: Mapping[str, FileType] | None = None
) -> str:
    """Check that each file is of the type that its path tells: a model, text or JSON.

    Args:
        folder: the bundle, unpacked.
        content: its manifest.
        more_types: further types by the pattern of their paths, of `project_file_types()`.

    Raises:
        ProofError: a file is of another type, or its path tells none.
    """
    file_types = FILE_TYPES | dict(more_types or {})
    for entry in content["files"]:
        path = entry["path"]
        file_type = _file_type(path, file_types)
        problem = None
        if file_type is None:
            problem = _unknown_type(path, content)
        elif "encryption" not in entry:
            problem = _type_problem(folder / path, file_type)
        if problem:
            raise ProofError(f"{path}: {problem}")
    return "only models, texts and data"


def project_file_types() -> dict[str, FileType]:
    """Return the types of model files of the project's own runtimes; this runs their code.

    Raises:
        RecipeError: a plugin cannot be imported.
    """
    file_types: dict[str, FileType] = {}
    for name in plugins.names_in_project("convert.runtime"):
        for suffix, first_bytes in load_runtime(name).facts.first_bytes.items():
            pattern = rf"models/[^/]+{re.escape(suffix)}"
            file_types[pattern] = re.compile(re.escape(first_bytes) + b".*", re.DOTALL)
    return file_types


def _file_type(path: str, file_types: Mapping[str, FileType]) -> FileType | None:
    for pattern, file_type in file_types.items():
        if re.fullmatch(pattern, path):
            return file_type
    return None


def _unknown_type(path: str, content: Manifest) -> str:
    problem = "not a type of file that a bundle contains in this folder"
    packaged = plugins.names_in_package("convert.runtime")
    for target in content["targets"].values():
        runtime = target["runtime"]
        if manifest.belongs_to(path, target["model"]) and runtime not in packaged:
            return f"{problem}; expected --plugins, in the project that has the runtime {runtime}"
    return problem


def _type_problem(file: Path, file_type: FileType) -> str | None:
    if file_type == "json":
        return _json_problem(file)
    if file_type == "text":
        return _text_problem(file)
    with file.open("rb") as stream:
        if file_type.fullmatch(stream.read(MAGIC_BYTES)):
            return None
    return "does not begin like a model of this format"


def _json_problem(file: Path) -> str | None:
    try:
        json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError):
        return "expected JSON"
    return _text_problem(file)


def _text_problem(file: Path) -> str | None:
    try:
        text = file.read_text("utf-8")
    except ValueError:
        return "expected a text in UTF-8"
    if text.startswith("#!") or "\0" in text:
        return "a script, or contains zero bytes; expected text"
    return None
