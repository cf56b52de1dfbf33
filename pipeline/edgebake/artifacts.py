"""Write outputs of stages as a whole or not at all, and read them only if they are undamaged.

The output of a stage is the folder artifacts/<stage>/<variant>/. Its SHA256SUMS has the format of
`sha256sum -c`.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edgebake.documents import json_shape, strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ArtifactError, HostError

ROOT = Path("artifacts")
PARTIAL = ROOT / ".partial"
VERDICTS = ROOT / "verdicts"  # of `package` on each target, for the planner
SUMS = "SHA256SUMS"
FREE_SPACE = "; expected free space: delete files and run again"
PERMISSION = "; expected that you may read and write it"
# What helps against an error of the system, by its number.
EXPECTED_OF_SYSTEM = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
    errno.EACCES: PERMISSION,
    errno.EPERM: PERMISSION,
    errno.EROFS: PERMISSION,
}
MAX_JSON_BYTES = 256 << 20
# Folders that are not named after the stage that writes them.
WRITERS = {"verdicts": "package", "code": "plan", "attempts": "plan"}


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
        HostError: the system refuses to write, for example without free space; the destination is
            unchanged.
    """
    segments = destination.relative_to(ROOT).parts
    partial = PARTIAL / "-".join(segments)
    try:
        _remove(partial)
        partial.mkdir(parents=True)
        with _marked_as_in_use(partial):
            yield partial
        (partial / SUMS).write_text(sums(partial))
        destination.parent.mkdir(parents=True, exist_ok=True)
        _remove(destination)
        partial.rename(destination)
    except OSError as error:
        raise disk_trouble(error, destination) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the half-written folders of stages that were killed, not those of running ones."""
    for partial in PARTIAL.glob("*"):
        # A stage that ends meanwhile removes its own.
        with suppress(FileNotFoundError), _marked_as_in_use(partial) as is_mine:
            if is_mine:
                shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _marked_as_in_use(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder, which ends with the process; yield whether no other holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_mine = True
    except OSError:  # another process holds it, or the file system has no locks
        is_mine = False
    try:
        yield is_mine
    finally:
        os.close(descriptor)


def read_json(source: Path, shape: Any = Any) -> Any:
    """Return the value that a JSON file of artifacts/ holds.

    Args:
        source: the file.
        shape: the type of the value, as `json_shape.problem` takes it.

    Raises:
        ArtifactError: it is missing, not JSON in UTF-8, too large, or of another shape.
    """
    try:
        with source.open("rb") as file:
            data = file.read(MAX_JSON_BYTES + 1)
        value = strict_json.parse(data, MAX_JSON_BYTES)
    except (FileNotFoundError, IsADirectoryError):
        raise damaged(source, "not found") from None
    except StrictJsonError as error:
        raise damaged(source, str(error)) from None
    problem = json_shape.problem(value, shape)
    if problem is not None:
        raise damaged(source, problem)
    return value


def damaged(source: Path, problem: str) -> ArtifactError:
    """Return the error that names a file of artifacts/, what is wrong and how to replace it."""
    stage = source.relative_to(ROOT).parts[0] if source.is_relative_to(ROOT) else ""
    writer = f"the stage {WRITERS.get(stage, stage)} writes it"
    return ArtifactError(f"{source}: {problem}; {writer}: run `edgebake build`")


def write_json(destination: Path, value: object) -> None:
    """Write an indented JSON file as a whole or not at all.

    Raises:
        HostError: the system refuses to write, for example without free space.
    """
    text = json.dumps(value, indent=2) + "\n"
    write(destination, text.encode())


def write(destination: Path, data: bytes) -> None:
    """Write one file as a whole or not at all.

    Raises:
        HostError: the system refuses to write, for example without free space.
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
        problem = _dangling_link(source) or _dangling_link(source / SUMS) or "not found"
        raise ArtifactError(f"{source}: {problem}; the stage {stage} writes it: run `dvc repro`")
    expected = _read_sums(source / SUMS)
    names = expected.keys() | _file_names(source)
    for name in sorted(names):
        difference = _difference(source / name, expected.get(name))
        if difference:
            remedy = f"`rm -r {source}`, then `dvc repro`"
            raise ArtifactError(
                f"{source / name}: not what {stage} wrote: {difference}; expected an intact copy: "
                f"{remedy}; if the same file comes back, it is in DVC's cache, which "
                "`dvc cache dir` names: remove it there too"
            )
    return source


def _difference(file: Path, expected: str | None) -> str:
    """Return how a file differs from its line in SHA256SUMS, or an empty text."""
    if expected is None:
        return f"no line of {SUMS} names it"
    if not file.is_file():
        return _dangling_link(file) or f"not found, and {SUMS} names it"
    if sha256_of(file) != expected:
        return f"its sha256 is not the one in {SUMS}"
    return ""


def _dangling_link(path: Path) -> str:
    """Return where a link leads if nothing is there, as after a move of DVC's cache."""
    if path.is_symlink() and not path.exists():
        return f"a link to {path.readlink()}, which does not exist"
    return ""


def sums(source: Path) -> str:
    """Return the lines of SHA256SUMS for every file below a folder, sorted by path."""
    lines: list[str] = []
    for name in sorted(_file_names(source)):
        digest = sha256_of(source / name)
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
    """Return the error that says in the system's words which file it refused, and why.

    Args:
        error: of the system.
        destination: what was being written; named if the error names no file.
    """
    path = Path(os.fsdecode(error.filename)) if error.filename else destination
    if path.is_relative_to(PARTIAL):
        path = destination
    reason = error.strerror or str(error)
    expected = EXPECTED_OF_SYSTEM.get(error.errno or 0, "")
    return HostError(f"{path}: {reason}{expected}")


def _read_sums(file: Path) -> dict[str, str]:
    """Read the digest of each file from SHA256SUMS, by path."""
    digests: dict[str, str] = {}
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise damaged(file, "not UTF-8") from None
    for line in text.splitlines():
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
