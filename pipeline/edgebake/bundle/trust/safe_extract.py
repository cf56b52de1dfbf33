"""A bundle from anywhere in, a folder that is safe to read out: nothing outside it, nothing odd, nothing endless.

Zips are unpacked into a temporary folder. Nothing of a bundle is run.
"""

import re
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebake.bundle.archive import zip_folder
from edgebake.errors import ProofError

PATH = re.compile(
    r"[A-Za-z0-9._/@+-]{1,200}"
)  # of manifest.schema.json, less what _refuse_path says by name
MOST_FILES = 2_000
MOST_BYTES = 4 << 30
CHUNK = 1 << 20
# What a zip that is not one makes the library raise.
TROUBLE = (
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
    """Give the folder of a bundle, a zip's unpacked.

    Raises:
        ProofError: it is neither, or holds what no bundle holds.
    """
    if not bundle.exists():
        raise ProofError(f"{bundle}: not there; expected a folder or a zip that edgebake made")
    if bundle.is_dir() and not bundle.is_symlink():
        _refuse_odd_entries(bundle)
        yield bundle
    elif zipfile.is_zipfile(bundle):
        with tempfile.TemporaryDirectory() as folder:
            _unpack(bundle, Path(folder))
            yield Path(folder)
    else:
        raise ProofError(f"{bundle}: no bundle; expected a folder or a zip that edgebake made")


def _refuse_odd_entries(folder: Path) -> None:
    total = 0
    entries = sorted(folder.rglob("*"))
    for entry in entries:
        name = entry.relative_to(folder).as_posix()
        mode = entry.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise ProofError(f"{name}: a symbolic link; expected files and folders alone")
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ProofError(f"{name}: neither a file nor a folder")
        if stat.S_ISDIR(mode) and not any(entry.iterdir()):
            raise ProofError(f"{name}: an empty folder; a bundle has none")
        if stat.S_ISREG(mode):
            reject_unsafe_path(name)
            total += entry.lstat().st_size
    _refuse_twins([entry.relative_to(folder).as_posix() for entry in entries if entry.is_file()])
    _refuse_much(len(entries), total)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            _refuse_odd_zip(entries, archive.stat().st_size)
            for entry in entries:
                _write(packed, entry, folder / entry.filename)
    except TROUBLE as error:
        raise ProofError(f"{archive}: a damaged zip: {type(error).__name__}") from None
    # Bytes before, between or behind the entries would be signed and verified by nobody.
    if zip_folder(folder) != archive.read_bytes():
        raise ProofError(
            f"{archive}: not the archive that edgebake makes of these files; something else is in it"
        )


def _refuse_odd_zip(entries: list[zipfile.ZipInfo], size: int) -> None:
    for entry in entries:
        reject_unsafe_path(entry.filename)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ProofError(f"{entry.filename}: a symbolic link; expected files and folders alone")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ProofError(
                f"{entry.filename}: packed to {entry.compress_size:,} bytes for {entry.file_size:,}; "
                "expected it stored: edgebake compresses nothing, and a zip bomb is made of that"
            )
        if entry.flag_bits & 0x1:
            raise ProofError(
                f"{entry.filename}: encrypted by the zip; edgebake does that to files alone"
            )
    _refuse_twins([entry.filename for entry in entries])
    total = sum(entry.file_size for entry in entries)
    _refuse_much(len(entries), total)
    if total > size:
        raise ProofError(
            f"the zip has {size:,} bytes and says that it holds {total:,}: entries lie over each other"
        )


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(entry) as source, file.open("xb") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)


def reject_unsafe_path(name: str) -> None:
    """Refuse a path that leaves the bundle, or that some system reads differently.

    Raises:
        ProofError: naming the path.
    """
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ".." in parts:
        raise ProofError(f"{name!r}: a path out of the bundle; expected one below it")
    if not PATH.fullmatch(name) or "." in parts or "" in parts:
        raise ProofError(
            f"{name!r}: an odd path; expected letters, digits and ._/@+- alone, at most 200 of them"
        )


def _refuse_twins(names: list[str]) -> None:
    """Refuse paths that are one on systems that do not tell `a` from `A`."""
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.casefold()):
            raise ProofError(
                f"{name}: there twice, as {other} too; expected each path once, whatever its case"
            )
        seen[name.casefold()] = name


def _refuse_much(files: int, size: int) -> None:
    if files > MOST_FILES:
        raise ProofError(f"{files:,} files and folders; expected at most {MOST_FILES:,}")
    if size > MOST_BYTES:
        raise ProofError(f"{size:,} bytes; expected at most {MOST_BYTES:,}")
