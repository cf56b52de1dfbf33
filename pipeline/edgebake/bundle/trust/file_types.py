"""Check that a bundle contains only files of known types: models, texts and JSON.

Code is not among them: app stores forbid apps to load any.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgebake import plugins
from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import bounded_read, model_format, numbers_check
from edgebake.bundle.trust.bounded_read import UnreadableFileError
from edgebake.bundle.trust.model_format import Attachment
from edgebake.documents import strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ProofError
from edgebake.runtimes.interface import load_runtime

# Field 1, a number: the version, with which ONNX and Core ML models begin.
PROTOBUF = re.compile(rb"\x08.*", re.DOTALL)
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class TextType:
    """Files of text or JSON, up to a size in bytes."""

    format: Literal["json", "text"]
    max_bytes: int


@dataclass(frozen=True)
class NumbersType:
    """Files of numbers alone, as large as the steps say that read them."""


FileType = TextType | NumbersType | re.Pattern[bytes]
# The files that a bundle may contain, by path: JSON, text, numbers, or the first bytes of a model.
FILE_TYPES: dict[str, FileType] = {
    r"sbom\.cdx\.json": TextType("json", 4 * MEBIBYTE),
    r"golden/[^/]+\.json": TextType("json", 64 * MEBIBYTE),
    r"models/[^/]+\.mlpackage/Manifest\.json": TextType("json", MEBIBYTE),
    r"NOTICE|MODEL_CARD\.md": TextType("text", MEBIBYTE),
    r"LICENSES/[^/]+\.txt": TextType("text", MEBIBYTE),
    r"models/[^/]+\.labels\.txt": TextType("text", 4 * MEBIBYTE),
    r"models/[^/]+\.config": TextType("text", MEBIBYTE),
    r"models/[^/]+\.f32": NumbersType(),
    r"models/[^/]+\.tflite": re.compile(rb".{4}TFL3", re.DOTALL),
    r"models/[^/]+\.ort": re.compile(rb".{4}ORTM", re.DOTALL),
    r"models/[^/]+\.onnx": PROTOBUF,
    r"models/[^/]+\.mlpackage/.+\.mlmodel": PROTOBUF,
    r"models/[^/]+\.mlpackage/.+/weights/weight\.bin": re.compile(rb".{4}\x02\0\0\0", re.DOTALL),
}
MAGIC_BYTES = 8  # that the patterns above match
# Control characters other than tab, line feed, form feed and carriage return, and those that turn
# the direction of text: they hide text, or command a terminal.
UNSAFE_CHARACTERS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# The model card escapes HTML; what remains are links: <https://...>.
HTML = re.compile(r"<(?!https?://[^<>\s]*>)[a-z/!?]", re.IGNORECASE)
MODEL_CARD = "MODEL_CARD.md"
ATTACHED_LABELS = "labels.txt"  # of TFLite metadata, in a zip behind the model


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
        elif isinstance(file_type, NumbersType):
            problem = numbers_check.find_problem(folder, entry, content)
        elif "encryption" not in entry:
            attachment = _attachment(path, content)
            problem = _type_problem(folder / path, file_type, attachment)
        if problem:
            raise ProofError(f"{path}: {problem}")
    return _summary(content)


def _summary(content: Manifest) -> str:
    """Return what was checked, and how many files could not be."""
    encrypted = sum("encryption" in entry for entry in content["files"])
    summary = "models by their first bytes, no archive or program in them; plain texts; JSON"
    if any(_file_type(entry["path"], FILE_TYPES) == NumbersType() for entry in content["files"]):
        summary = f"{summary}; numbers by their size"
    if encrypted:
        return f"{summary}; {encrypted} encrypted, not looked into"
    return summary


def _attachment(path: str, content: Manifest) -> Attachment | None:
    """Return the labels that a .tflite may carry behind the model; none for other models."""
    for target in content["targets"].values():
        if target["model"] == path and path.endswith(".tflite"):
            lines = [f"{label}\n" for label in target["labels"]]
            return Attachment(ATTACHED_LABELS, "".join(lines).encode())
    return None


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


def _type_problem(
    file: Path, file_type: TextType | re.Pattern[bytes], attachment: Attachment | None
) -> str | None:
    if isinstance(file_type, TextType):
        return _text_problem(file, file_type)
    with file.open("rb") as stream:
        if not file_type.fullmatch(stream.read(MAGIC_BYTES)):
            return "does not begin like a model of this format"
    return model_format.find_problem(file, attachment)


def _text_problem(file: Path, text_type: TextType) -> str | None:
    try:
        data = bounded_read.read(file, text_type.max_bytes)
    except UnreadableFileError as error:
        return str(error)
    if text_type.format == "json":
        try:
            strict_json.parse(data, text_type.max_bytes)
        except StrictJsonError as error:
            return f"expected JSON: {error}"
    try:
        text = data.decode("utf-8")
    except ValueError:
        return "expected a text in UTF-8"
    return _character_problem(text, file.name)


def _character_problem(text: str, name: str) -> str | None:
    if not text.strip():
        return "empty; expected a text"
    if text.startswith("#!") or UNSAFE_CHARACTERS.search(text):
        return "a script, or has control characters; expected plain text"
    if name == MODEL_CARD and HTML.search(text):
        return "has HTML; expected Markdown without it"
    return None
