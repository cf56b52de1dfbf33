"""Open a bundle from an untrusted source.

Unsafe paths, links and excessive sizes are rejected before any file is read.
Zips are extracted to a temporary folder. Nothing in a bundle is executed.
"""

import os
import re
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgebake import artifacts
from edgebake.bundle.archive import write_zip
from edgebake.bundle.trust.bounded_read import kind_of
from edgebake.errors import ProofError
from edgebake.terminal.printable import printable

# As in manifest.schema.json, except what reject_unsafe_path tests for by name.
MAX_PATH = 200
PATH = re.compile(rf"[A-Za-z0-9._/@+-]{{1,{MAX_PATH}}}")
EXPECTED = "expected a folder or a zip that edgebake made"
MAX_FILES = 2_000
MAX_BYTES = 4 << 30
CHUNK = 1 << 20
# The last bytes of a zip: signature, two disks, two counts of entries, size and offset of the
# directory, length of a comment.
END = struct.Struct("<4s4H2LH")
END_SIGNATURE = b"PK\x05\x06"
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP64_LOCATOR_SIZE = 20
MAX_DIRECTORY = MAX_FILES * (46 + MAX_PATH)  # bytes; an entry has 46 and its path
# Raised by zipfile on malformed archives.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    UnicodeError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
)

CheckNames = Callable[[Collection[str]], None]


def check_kind(bundle: Path) -> None:
    """Check that a path leads to a folder or to a file, which may be a zip.

    Raises:
        ProofError: it leads to nothing, to a linked folder, or to a pipe or device.
    """
    shown = printable(bundle)
    if not bundle.exists():
        raise ProofError(f"{shown}: not found; {EXPECTED}")
    mode = bundle.stat().st_mode
    if bundle.is_dir() and bundle.is_symlink():
        raise ProofError(f"{shown}: a symbolic link to a folder; {EXPECTED}")
    if not bundle.is_dir() and not stat.S_ISREG(mode):
        raise ProofError(f"{shown}: {kind_of(mode)}; {EXPECTED}")


@contextmanager
def open_bundle(bundle: Path, check_names: CheckNames) -> Iterator[Path]:
    """Provide the folder of a bundle; a zip is extracted for the duration of the context.

    Args:
        bundle: of a kind that `check_kind` accepts.
        check_names: raises an error for the paths of its files, before any of them is read.

    Raises:
        ProofError: it is neither a folder nor a zip, or contains what no bundle contains.
    """
    if bundle.is_dir():
        check_names(_list_folder(bundle))
        yield bundle
        return
    _check_end(bundle)
    with tempfile.TemporaryDirectory() as folder:
        _extract(bundle, Path(folder), check_names)
        yield Path(folder)


def check_archive(bundle: Path, folder: Path) -> None:
    """Check that a bundle's zip is the one that edgebake makes of the extracted files.

    No digest covers bytes before, between or after the entries. A bundle that is a folder passes.

    Raises:
        ProofError: it contains something else.
    """
    if bundle.is_dir():
        return
    with tempfile.TemporaryFile() as again:
        write_zip(folder, again)
        again.seek(0)
        with bundle.open("rb") as archive:
            if not _are_equal(archive, again):
                raise _contains_more(bundle)


def _are_equal(first: IO[bytes], second: IO[bytes]) -> bool:
    while chunk := first.read(CHUNK):
        if chunk != second.read(CHUNK):
            return False
    return not second.read(1)


def _contains_more(archive: Path) -> ProofError:
    return ProofError(
        f"{archive}: not the archive that edgebake makes of these files; it contains something else"
    )


def _list_folder(folder: Path) -> list[str]:
    """Return the paths of the files below a folder.

    Raises:
        ProofError: it has links, special files, empty folders, unsafe paths or excessive sizes.
    """
    files = []
    size = 0
    entries = 0
    queue = [folder]
    while queue:
        inside = []
        for entry in os.scandir(queue.pop()):
            entries += 1
            _reject_excess(entries, size)
            inside.append(Path(entry.path))
        for path in sorted(inside):
            status = path.lstat()
            if _is_file(path.relative_to(folder).as_posix(), path, status):
                files.append(path.relative_to(folder).as_posix())
                size += status.st_size
            else:
                queue.append(path)
    _reject_duplicates(files)
    _reject_excess(entries, size)
    return files


def _is_file(name: str, path: Path, status: os.stat_result) -> bool:
    """Return whether an entry is a file; a folder is none."""
    if stat.S_ISLNK(status.st_mode):
        raise ProofError(f"{printable(name)}: a symbolic link; expected only files and folders")
    if stat.S_ISREG(status.st_mode):
        reject_unsafe_path(name)
        return True
    if not stat.S_ISDIR(status.st_mode):
        kind = kind_of(status.st_mode)
        raise ProofError(f"{printable(name)}: {kind}; expected only files and folders")
    if not any(os.scandir(path)):
        raise ProofError(f"{printable(name)}: an empty folder; a bundle has none")
    reject_unsafe_path(name)
    return False


def _check_end(archive: Path) -> None:
    """Check the end of a zip, before its directory is read: that may have millions of entries.

    Raises:
        ProofError: it is no zip, not of the form that edgebake writes, or lists too many files.
    """
    size = archive.stat().st_size
    if size > MAX_BYTES:
        raise ProofError(f"{archive}: {size:,} bytes; expected at most {MAX_BYTES:,}")
    with archive.open("rb") as stream:
        stream.seek(max(0, size - END.size - ZIP64_LOCATOR_SIZE))
        tail = stream.read()
    end = tail[-END.size :]
    if len(end) != END.size or not end.startswith(END_SIGNATURE):
        if zipfile.is_zipfile(archive):
            raise _contains_more(archive)
        raise ProofError(f"{archive}: not a bundle; {EXPECTED}")
    _, _, _, _, count, directory_size, offset, _ = END.unpack(end)
    _reject_excess(count, 0)
    is_zip64 = tail.startswith(ZIP64_LOCATOR)
    fills_file = offset + directory_size + END.size == size
    if is_zip64 or directory_size > MAX_DIRECTORY or not fills_file:
        raise _contains_more(archive)


def _extract(archive: Path, folder: Path, check_names: CheckNames) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check_entries(entries, archive.stat().st_size)
            check_names([entry.filename for entry in entries])
            for entry in entries:
                _extract_entry(opened, entry, folder / entry.filename)
    except ZIP_ERRORS as error:
        raise ProofError(f"{archive}: a damaged zip: {type(error).__name__}") from None


def _check_entries(entries: list[zipfile.ZipInfo], archive_size: int) -> None:
    """Reject links, compressed or encrypted entries, unsafe paths and excessive sizes."""
    for entry in entries:
        name = entry.filename
        reject_unsafe_path(name)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ProofError(f"{name}: a symbolic link; expected only files and folders")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ProofError(
                f"{name}: packed to {entry.compress_size:,} bytes for {entry.file_size:,}; "
                "expected it stored uncompressed, as edgebake does; it may be a zip bomb"
            )
        if entry.flag_bits & 0x1:
            raise ProofError(f"{name}: encrypted by zip; edgebake encrypts files itself")
    _reject_duplicates(entry.filename for entry in entries)
    size = sum(entry.file_size for entry in entries)
    _reject_excess(len(entries), size)
    if size > archive_size:
        raise ProofError(
            f"the zip has {archive_size:,} bytes and says that it holds {size:,}: entries overlap"
        )


def _extract_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, file.open("xb") as destination:
        while chunk := source.read(CHUNK):
            try:
                destination.write(chunk)
            except OSError as error:
                raise artifacts.disk_trouble(error, file) from error


def reject_unsafe_path(path: str) -> None:
    """Reject a path that leaves the bundle, or that some systems interpret differently.

    Raises:
        ProofError: it names the path.
    """
    segments = path.split("/")
    shown = repr(path[: 2 * MAX_PATH])
    if path.startswith("/") or "\\" in path or ".." in segments:
        raise ProofError(f"{shown}: a path outside of the bundle; expected one inside it")
    has_odd_segment = any(segment in ("", ".") or segment.endswith(".") for segment in segments)
    if not PATH.fullmatch(path) or has_odd_segment:
        raise ProofError(
            f"{shown}: an unusual path; "
            "expected only letters, digits and ._/@+-, at most 200 of them"
        )


def _reject_duplicates(paths: Iterable[str]) -> None:
    """Reject paths that are equal on case-insensitive file systems."""
    spellings: dict[str, str] = {}
    for path in paths:
        folded = path.casefold()
        if folded in spellings:
            raise ProofError(
                f"{path}: listed twice, also as {spellings[folded]}; "
                "expected each path once, ignoring case"
            )
        spellings[folded] = path


def _reject_excess(files: int, size: int) -> None:
    if files > MAX_FILES:
        raise ProofError(f"{files:,} files and folders; expected at most {MAX_FILES:,}")
    if size > MAX_BYTES:
        raise ProofError(f"{size:,} bytes; expected at most {MAX_BYTES:,}")
