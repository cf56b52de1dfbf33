"""Find TFRecord files: one file, or those of a folder with all their shards."""

import re
from collections.abc import Sequence
from pathlib import Path

from edgebake.data.readers import labels
from edgebake.errors import DataError

FILE_NAME = re.compile(r".+\.(?:tfrecords?|tfrec)(?:-(\d{5})-of-(\d{5}))?", re.IGNORECASE)
EXPECTED = "expected .tfrecord files, for example .tfrecord-00000-of-00004"


def find(path: Path) -> list[Path]:
    """Return the TFRecord files at a path, sorted by name.

    Raises:
        DataError: there is none, or one is compressed or missing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder; {EXPECTED}")
    entries = sorted(file for file in path.iterdir() if file.is_file())
    compressed = [file.name for file in entries if _is_compressed(file)]
    if compressed:
        raise DataError(
            f"{path}: compressed: {labels.preview(compressed)}; "
            "expected uncompressed files: gunzip them"
        )
    files = [file for file in entries if FILE_NAME.fullmatch(file.name)]
    if not files:
        names = labels.preview([file.name for file in entries]) or "nothing"
        raise DataError(f"{path}: holds {names}; {EXPECTED}")
    _refuse_missing_shards(path, files)
    return files


def _is_compressed(file: Path) -> bool:
    return file.suffix in (".gz", ".zlib") and FILE_NAME.fullmatch(file.stem) is not None


def _refuse_missing_shards(path: Path, files: Sequence[Path]) -> None:
    """Refuse a set of numbered files of which one is missing."""
    names = {file.name for file in files}
    for file in files:
        match = FILE_NAME.fullmatch(file.name)
        if match is None or match[2] is None:
            continue
        total = match[2]
        prefix = file.name[: -len("00000-of-00000")]
        for number in range(int(total)):
            name = f"{prefix}{number:05}-of-{total}"
            if name not in names:
                raise DataError(f"{path}: {name} is missing; expected all {int(total)} of them")


def left_out(path: Path) -> list[str]:
    """Return the entries of a folder that are no TFRecord files."""
    if not path.is_dir():
        return []
    names = []
    for entry in sorted(path.iterdir()):
        if entry.is_dir():
            names.append(f"{entry.name}/")
        elif not FILE_NAME.fullmatch(entry.name):
            names.append(entry.name)
    return names
