"""Check the large constants of steps in a bundle of strangers: files of numbers alone."""

from pathlib import Path

import numpy as np

from edgebake.bundle.manifest_types import FileEntry, Manifest
from edgebake.bundle.numbers_file import ITEM_BYTES, LITTLE_ENDIAN
from edgebake.bundle.tensors_of import steps_of
from edgebake.bundle.trust import bounded_read, model_format
from edgebake.bundle.trust.bounded_read import UnreadableFileError

MAX_BYTES = 64 << 20


def find_problem(folder: Path, entry: FileEntry, content: Manifest) -> str | None:
    """Return what is wrong with a file of numbers; None if each step that names it can use it."""
    path = entry["path"]
    if "encryption" in entry:
        return "encrypted; expected plain numbers"
    try:
        data = bounded_read.read(folder / path, MAX_BYTES)
    except UnreadableFileError as error:
        return str(error)
    for rows, columns in sorted(_sizes(path, content)):
        expected = rows * columns * ITEM_BYTES
        if len(data) != expected:
            return (
                f"{len(data):,} bytes; expected {expected:,}: "
                f"{rows:,} x {columns:,} numbers of {ITEM_BYTES} bytes"
            )
        if not np.isfinite(np.frombuffer(data, LITTLE_ENDIAN)).all():
            return "NaN or infinity; expected finite numbers"
    return model_format.find_problem(folder / path)


def _sizes(path: str, content: Manifest) -> set[tuple[int, int]]:
    """Return the rows and columns that steps read from a file."""
    sizes = set()
    for target in content["targets"].values():
        for step in steps_of(target):
            if step.get("file") == path:
                sizes.add((step["rows"], step["columns"]))
    return sizes
