"""Write outputs of stages as a whole or not at all, and read them only if they are undamaged.

The output of a stage is the folder artifacts/<stage>/<variant>/. Its SHA256SUMS has the format of
`sha256sum -c`.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edgebake.errors import ArtifactError, HostError

ROOT = Path("artifacts")
PARTIAL = ROOT / ".partial"
VERDICTS = ROOT / "verdicts"  # of `package` on each target, for the planner
SUMS = "SHA256SUMS"


def folder(stage: str, variant: str, platform: str | None = None) -> Path:
    """Return the output folder of a variant.

    The outputs of `validate` are sorted by platform, because `package` reads those of one platform.
    """
    if platform:
        return ROOT / stage / platform / variant
    return ROOT / stage / variant


@contextmanager
def publish(destination: Path) -> Iterator[Path]:
    """Provide an empty folder; it replaces the destination if the block ends without an error.

    Raises:
        HostError: the disk is full, or the folder cannot be written; the destination is unchanged.
    """
    segments = destination.relative_to(ROOT).parts
    partial = PARTIAL / "-".join(segments)
    try:
        _remove(partial)
        partial.mkdir(parents=True)
        yield partial
        (partial / SUMS).write_text(sums(partial))
        destination.parent.mkdir(parents=True, exist_ok=True)
        _remove(destination)
        partial.rename(destination)
    except OSError as error:
        raise disk_trouble(error, destination) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_json(source: Path) -> Any:
    """Return the value that a JSON file holds."""
    return json.loads(source.read_text())


def write_json(destination: Path, value: object) -> None:
    """Write an indented JSON file as a whole or not at all.

    Raises:
        HostError: the disk is full, or the folder cannot be written.
    """
    text = json.dumps(value, indent=2) + "\n"
    write(destination, text.encode())


def write(destination: Path, data: bytes) -> None:
    """Write one file as a whole or not at all.

    Raises:
        HostError: the disk is full, or the folder cannot be written.
    """
    partial = destination.with_name(f".{destination.name}.partial")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(destination)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise disk_trouble(error, destination) from error


def verify(source: Path) -> Path:
    """Compare every file of an output folder with its SHA256SUMS, and return the folder.

    Raises:
        ArtifactError: the folder is missing, or a file is not what the stage wrote.
    """
    stage = source.relative_to(ROOT).parts[0]
    if not (source / SUMS).is_file():
        raise ArtifactError(f"{source}: not found; the stage {stage} writes it: run `dvc repro`")
    expected = _read_sums(source / SUMS)
    names = expected.keys() | _file_names(source)
    for name in sorted(names):
        file = source / name
        digest = None
        if file.is_file():
            digest = sha256(file.read_bytes())
        if digest is None or digest != expected.get(name):
            problem = f"not what {stage} wrote (compare {SUMS} next to it)"
            cause = "the file, or DVC's cached copy of it, is damaged"
            remedy = f"`rm -r .dvc/cache {source}`, then `dvc repro`"
            raise ArtifactError(f"{file}: {problem}: {cause}; expected an intact copy: {remedy}")
    return source


def sums(source: Path) -> str:
    """Return the lines of SHA256SUMS for every file below a folder, sorted by path."""
    lines: list[str] = []
    for name in sorted(_file_names(source)):
        data = (source / name).read_bytes()
        digest = sha256(data)
        lines.append(f"{digest}  {name}\n")
    return "".join(lines)


def sums_of(path: Path) -> str:
    """Return the lines of SHA256SUMS for a file or for a folder."""
    if path.is_dir():
        return sums(path)
    digest = sha256_of(path)
    return f"{digest}  {path.name}\n"


def sha256(data: bytes) -> str:
    """Return the SHA-256 digest of bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file, hexadecimal; the file is not loaded as a whole."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return digest.hexdigest()


def read_files(source: Path) -> dict[str, bytes]:
    """Read every file below a folder, by relative path, sorted."""
    files: dict[str, bytes] = {}
    for file in sorted(source.rglob("*")):
        if file.is_file():
            name = str(file.relative_to(source))
            files[name] = file.read_bytes()
    return files


def write_files(destination: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder, by relative path."""
    for name, data in files.items():
        file = destination / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def disk_trouble(error: OSError, destination: Path) -> HostError:
    """Return the error that describes why a file or folder could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        expected = "expected free disk space: delete files and run again"
        return HostError(f"{destination}: the disk is full; {expected}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        problem = f"cannot be written ({os.strerror(error.errno)})"
        return HostError(f"{destination}: {problem}; expected a writable {ROOT}/")
    path = error.filename or destination
    reason = error.strerror or str(error)
    return HostError(f"{path}: {reason}")


def _read_sums(file: Path) -> dict[str, str]:
    """Read the digest of each file from SHA256SUMS, by path."""
    digests: dict[str, str] = {}
    for line in file.read_text().splitlines():
        digest, _, name = line.partition("  ")
        digests[name] = digest
    return digests


def _file_names(source: Path) -> set[str]:
    """Return the relative path of every file below a folder, except SHA256SUMS."""
    names: set[str] = set()
    for file in source.rglob("*"):
        if file.is_file():
            names.add(str(file.relative_to(source)))
    return names - {SUMS}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
