"""Where outputs lie, written whole or not at all, and read only if they are what was written.

Writes artifacts/<stage>/<variant>/, with a SHA256SUMS that `sha256sum -c` reads.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgebake.errors import ArtifactError, HostError

ROOT = Path("artifacts")
PARTIAL = ROOT / ".partial"
VERDICTS = ROOT / "verdicts"  # of package on each target, for the planner
SUMS = "SHA256SUMS"


def folder(stage: str, variant: str, platform: str | None = None) -> Path:
    """Return the folder of a stage's output; validate sorts its own by platform, since package takes them so."""
    return ROOT / stage / platform / variant if platform else ROOT / stage / variant


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """Give a fresh folder to write in; it takes the target's place when the block ends without an error.

    Raises:
        HostError: the disk is full or the folder cannot be written; nothing half-written stays.
    """
    partial = PARTIAL / "-".join(target.relative_to(ROOT).parts)
    try:
        _emptied(partial)
        yield partial
        (partial / SUMS).write_text(sums(partial))
        target.parent.mkdir(parents=True, exist_ok=True)
        _removed(target)
        partial.rename(target)
    except OSError as error:
        raise disk_trouble(error, target) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write(target: Path, content: bytes) -> None:
    """Write one file whole or not at all.

    Raises:
        HostError: the disk is full or the folder cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise disk_trouble(error, target) from error


def opened(target: Path) -> Path:
    """Return the folder of an earlier stage after comparing every file with its SHA256SUMS.

    Raises:
        ArtifactError: the folder is missing, or a file is not what the stage wrote.
    """
    stage = target.relative_to(ROOT).parts[0]
    if not (target / SUMS).is_file():
        raise ArtifactError(f"{target}: not there; {stage} makes it: run `dvc repro`")
    lines = (line.partition("  ") for line in (target / SUMS).read_text().splitlines())
    written = {name: digest for digest, _, name in lines}
    for name in sorted(written.keys() | _below(target)):
        if not (target / name).is_file() or sha256((target / name).read_bytes()) != written.get(
            name
        ):
            raise ArtifactError(
                f"{target / name}: not what {stage} wrote (compare {SUMS} beside it): the file, or DVC's cached copy "
                f"of it, is damaged; expected a sound copy: `rm -r .dvc/cache {target}`, then `dvc repro`"
            )
    return target


def sums(target: Path) -> str:
    """Return the lines of SHA256SUMS for every file below a folder, sorted by path."""
    return "".join(
        f"{sha256((target / name).read_bytes())}  {name}\n" for name in sorted(_below(target))
    )


def sums_of(path: Path) -> str:
    """Return the lines of SHA256SUMS for a file, or for a folder."""
    return sums(path) if path.is_dir() else f"{sha256_of(path)}  {path.name}\n"


def sha256(content: bytes) -> str:
    """Return the hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(file: Path) -> str:
    """Return the hexadecimal digest of a file, read piece by piece."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def read_files(target: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative path, sorted."""
    return {
        str(file.relative_to(target)): file.read_bytes()
        for file in sorted(target.rglob("*"))
        if file.is_file()
    }


def write_files(target: Path, files: dict[str, bytes]) -> None:
    """Write files by their relative path below a folder."""
    for name, content in files.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def disk_trouble(error: OSError, target: Path) -> HostError:
    """Return an OSError as a message that names what was being written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HostError(
            f"{target}: the disk is full; expected room for it: free some and run again"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return HostError(
            f"{target}: cannot be written ({os.strerror(error.errno)}); expected a writable {ROOT}/"
        )
    return HostError(f"{error.filename or target}: {error.strerror or error}")


def _below(target: Path) -> set[str]:
    files = (file.relative_to(target) for file in target.rglob("*") if file.is_file())
    return {str(name) for name in files if str(name) != SUMS}


def _emptied(path: Path) -> None:
    _removed(path)
    path.mkdir(parents=True)


def _removed(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
