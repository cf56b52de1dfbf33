"""List the images, or the sounds, below a folder, and refuse files of other kinds.

A folder is judged by what it holds, never by its name: `README/` with images is a class. What is
left out is named in `FolderContent.left_out`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from edgebake.data.readers import labels, links
from edgebake.errors import DataError


@dataclass(frozen=True)
class FileKind:
    """Files that are examples, by their suffixes."""

    name: str  # of one
    suffixes: tuple[str, ...]

    def is_name(self, name: str) -> bool:
        """Return whether a file of this name is one."""
        return Path(name).suffix.lower() in self.suffixes


IMAGES = FileKind("image", (".bmp", ".jpeg", ".jpg", ".png", ".webp"))
SOUNDS = FileKind("sound", (".flac", ".wav"))
# Suffixes and names of files that often accompany images and are left out.
IGNORED_SUFFIXES = (".csv", ".json", ".md", ".txt", ".xml", ".yaml", ".yml")
IGNORED_NAMES = ("COPYING", "LICENSE", "NOTICE", "README", "Thumbs.db", "desktop.ini")
# Folders that programs make; they hold copies of images, or none.
TOOL_FOLDERS = (
    ".cache",
    ".dvc",
    ".git",
    ".ipynb_checkpoints",
    ".thumbnails",
    "@eaDir",
    "__MACOSX",
    "__pycache__",
)


@dataclass(frozen=True)
class FolderContent:
    """Paths below a folder, in the order of names."""

    kind: FileKind
    files: list[str] = field(default_factory=list)  # of the kind
    empty_folders: list[str] = field(default_factory=list)  # with files that are left out at most
    unknown_files: list[str] = field(default_factory=list)
    # Hidden files, files of IGNORED_SUFFIXES and IGNORED_NAMES, and folders, which end with "/".
    left_out: list[str] = field(default_factory=list)


def list_files(folder: Path, kind: FileKind) -> FolderContent:
    """Return the files of a kind below a folder.

    Raises:
        DataError: the folder is missing, has no such files, or has files of other kinds.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder; expected one sub-folder of {kind.name}s per class"
        )
    content = FolderContent(kind)
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
        listed = sorted(entries, key=lambda entry: entry.name)
    is_empty = True
    for entry in listed:
        path = f"{prefix}/{entry.name}".lstrip("/")
        if entry.is_dir() and _is_left_out(entry, content.kind):
            content.left_out.append(f"{path}/")
            continue
        if not entry.is_dir() and _is_ignored(entry.name):
            content.left_out.append(path)
            continue
        is_empty = False
        if entry.is_symlink() and Path(entry.path).exists():
            links.refuse_outside(Path(entry.path), Path(parents[0]))
        if entry.is_dir() and not _is_file_without_content(entry, content.kind):
            _list_sub_folder(entry, path, content, parents)
        elif content.kind.is_name(entry.name):
            content.files.append(path)
        else:
            content.unknown_files.append(path)
    if is_empty:
        content.empty_folders.append(prefix)


def _list_sub_folder(
    entry: os.DirEntry[str], path: str, content: FolderContent, parents: tuple[str, ...]
) -> None:
    real_path = os.path.realpath(entry.path)
    if entry.is_symlink() and real_path in parents:
        raise DataError(
            f"{entry.path}: a link to a folder that it lies in; expected {content.kind.name}s"
        )
    _list(Path(entry.path), path, content, (*parents, real_path))


def _is_left_out(folder: os.DirEntry[str], kind: FileKind) -> bool:
    """Return whether a folder is a program's, or has an ignored name and no examples."""
    if folder.name in TOOL_FOLDERS:
        return True
    return _is_ignored(folder.name) and not _holds_files(folder, kind)


def _is_file_without_content(folder: os.DirEntry[str], kind: FileKind) -> bool:
    """Return whether a folder has the name of an example and holds none: one that is damaged."""
    return kind.is_name(folder.name) and not _holds_files(folder, kind)


def _holds_files(folder: os.DirEntry[str], kind: FileKind) -> bool:
    for _, _, names in os.walk(folder.path):
        if any(kind.is_name(name) and not _is_ignored(name) for name in names):
            return True
    return False


def _is_ignored(name: str) -> bool:
    if name.startswith(".") or name in IGNORED_NAMES:
        return True
    return name.lower().endswith(IGNORED_SUFFIXES)


def _refuse_unknown_files(folder: Path, content: FolderContent) -> None:
    undecodable = [path for path in content.files if not _is_utf8(path)]
    if undecodable:
        raise DataError(
            f"{folder}: a name that is not UTF-8: {undecodable[0]!a}; expected another name"
        )
    if content.unknown_files:
        kinds = describe_kinds(content.unknown_files)
        raise DataError(
            f"{folder}: files of other kinds: {kinds}; "
            f"expected {', '.join(content.kind.suffixes)}: convert or remove them"
        )
    if not content.files:
        raise DataError(
            f"{folder}: no {content.kind.name}s; expected one sub-folder per class with "
            f"{', '.join(content.kind.suffixes)} files"
        )


def describe_kinds(paths: list[str]) -> str:
    """Return the number of files of each suffix, and the first few of them."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_kind[_kind(path)].append(path)
    kinds = []
    for kind, members in sorted(by_kind.items()):
        kinds.append(f"{len(members)} {kind} ({labels.preview(members)})")
    return "; ".join(kinds)


def _kind(path: str) -> str:
    if path.endswith("/"):
        return "folders"
    suffix = Path(path).suffix.lower()
    return f"with {suffix or 'no suffix'}"


def _is_utf8(path: str) -> bool:
    """Return whether a path has no surrogate escapes, which stand for bytes that are not UTF-8."""
    return path.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in path)
