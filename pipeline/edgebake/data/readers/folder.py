"""List the images below a folder, and refuse files of other kinds."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from edgebake.data.readers import labels, links
from edgebake.errors import DataError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
# Suffixes and names of files that often accompany images and are ignored.
IGNORED_SUFFIXES = (".csv", ".json", ".md", ".txt", ".xml", ".yaml", ".yml")
IGNORED_NAMES = ("__MACOSX", "COPYING", "LICENSE", "NOTICE", "README", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class FolderContent:
    """Paths below a folder, in the order of names; hidden files are left out."""

    images: list[str] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)  # with ignored files at most
    unknown_files: list[str] = field(default_factory=list)


def list_images(folder: Path) -> FolderContent:
    """Return the images below a folder.

    Raises:
        DataError: the folder is missing, has no images, or has files of other kinds.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one sub-folder of images per class")
    content = FolderContent()
    try:
        _list(folder, "", content, (os.path.realpath(folder),))
    except OSError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}; expected a folder that can be listed"
        ) from None
    _refuse_unknown_files(folder, content)
    return content


def _list(folder: Path, prefix: str, content: FolderContent, parents: tuple[str, ...]) -> None:
    """Add a folder's files to the content, and recursively those of its sub-folders.

    Args:
        folder: to be listed.
        prefix: path of the folder, below the folder of the dataset.
        content: is extended.
        parents: real paths of the folder and of those that it is in.
    """
    with os.scandir(folder) as entries:
        listed = sorted(
            (entry for entry in entries if not _is_ignored(entry.name)),
            key=lambda entry: entry.name,
        )
    if not listed:
        content.empty_folders.append(prefix)
    for entry in listed:
        path = f"{prefix}/{entry.name}".lstrip("/")
        if entry.is_symlink() and Path(entry.path).exists():
            links.refuse_outside(Path(entry.path), Path(parents[0]))
        if Path(entry.name).suffix.lower() in SUFFIXES:
            # A folder of such a name is an image that cannot be read.
            content.images.append(path)
        elif entry.is_dir():
            real_path = os.path.realpath(entry.path)
            if entry.is_symlink() and real_path in parents:
                raise DataError(
                    f"{entry.path}: a link to a folder that it lies in; expected images"
                )
            _list(Path(entry.path), path, content, (*parents, real_path))
        else:
            content.unknown_files.append(path)


def _is_ignored(name: str) -> bool:
    if name.startswith(".") or name in IGNORED_NAMES:
        return True
    return name.lower().endswith(IGNORED_SUFFIXES)


def _refuse_unknown_files(folder: Path, content: FolderContent) -> None:
    undecodable = [path for path in content.images if not _is_utf8(path)]
    if undecodable:
        raise DataError(
            f"{folder}: a name that is not UTF-8: {undecodable[0]!a}; expected another name"
        )
    if content.unknown_files:
        by_suffix: dict[str, list[str]] = defaultdict(list)
        for path in content.unknown_files:
            by_suffix[Path(path).suffix.lower() or "no suffix"].append(path)
        kinds = [
            f"{len(paths)} with {suffix} ({labels.preview(paths)})"
            for suffix, paths in sorted(by_suffix.items())
        ]
        raise DataError(
            f"{folder}: files of other kinds: {'; '.join(kinds)}; "
            f"expected {', '.join(SUFFIXES)}: convert or remove them"
        )
    if not content.images:
        raise DataError(
            f"{folder}: no images; expected one sub-folder per class with "
            f"{', '.join(SUFFIXES)} files"
        )


def _is_utf8(path: str) -> bool:
    """Return whether a path has no surrogate escapes, which stand for bytes that are not UTF-8."""
    return path.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in path)
