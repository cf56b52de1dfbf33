"""Open a bundle from an untrusted source.

Unsafe paths, links and excessive sizes are rejected.
Zips are extracted to a temporary folder. Nothing in a bundle is executed.
"""

import re
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebake.bundle.archive import zip_folder
from edgebake.errors import ProofError

# As in manifest.schema.json, except what reject_unsafe_path tests for by name.
PATH = re.compile(r"[A-Za-z0-9._/@+-]{1,200}")
MAX_FILES = 2_000
MAX_BYTES = 4 << 30
CHUNK = 1 << 20
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


@contextmanager
def open_bundle(bundle: Path) -> Iterator[Path]:
    """Provide the folder of a bundle; a zip is extracted for the duration of the context.

    Raises:
        ProofError: it is neither a folder nor a zip, or contains what no bundle contains.
    """
    if not bundle.exists():
        raise ProofError(f"{bundle}: not found; expected a folder or a zip that edgebake made")
    if bundle.is_dir() and not bundle.is_symlink():
        _check_folder(bundle)
        yield bundle
    elif zipfile.is_zipfile(bundle):
        with tempfile.TemporaryDirectory() as folder:
            _extract(bundle, Path(folder))
            yield Path(folder)
    else:
        raise ProofError(f"{bundle}: not a bundle; expected a folder or a zip that edgebake made")


def _check_folder(folder: Path) -> None:
    """Reject links, special files, empty folders, unsafe paths and excessive sizes."""
    size = 0
    files = []
    entries = sorted(folder.rglob("*"))
    for entry in entries:
        name = entry.relative_to(folder).as_posix()
        status = entry.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise ProofError(f"{name}: a symbolic link; expected only files and folders")
        if stat.S_ISDIR(status.st_mode):
            if not any(entry.iterdir()):
                raise ProofError(f"{name}: an empty folder; a bundle has none")
        elif stat.S_ISREG(status.st_mode):
            reject_unsafe_path(name)
            files.append(name)
            size += status.st_size
        else:
            raise ProofError(f"{name}: neither a file nor a folder")
    _reject_duplicates(files)
    _reject_excess(len(entries), size)


def _extract(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check_entries(entries, archive.stat().st_size)
            for entry in entries:
                _extract_entry(opened, entry, folder / entry.filename)
    except ZIP_ERRORS as error:
        raise ProofError(f"{archive}: a damaged zip: {type(error).__name__}") from None
    # No signature covers bytes before, between or after the entries.
    if zip_folder(folder) != archive.read_bytes():
        raise ProofError(
            f"{archive}: not the archive that edgebake makes of these files; "
            "it contains something else"
        )


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
            destination.write(chunk)


def reject_unsafe_path(path: str) -> None:
    """Reject a path that leaves the bundle, or that some systems interpret differently.

    Raises:
        ProofError: it names the path.
    """
    segments = path.split("/")
    if path.startswith("/") or "\\" in path or ".." in segments:
        raise ProofError(f"{path!r}: a path outside of the bundle; expected one inside it")
    if not PATH.fullmatch(path) or "." in segments or "" in segments:
        raise ProofError(
            f"{path!r}: an unusual path; "
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
