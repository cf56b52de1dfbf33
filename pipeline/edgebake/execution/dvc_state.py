"""Set files aside that DVC writes in place and cannot read after a `kill -9` at the wrong moment.

DVC truncates dvc.lock and .dvc/tmp/rwlock, then writes them anew; killed in between, it refuses
every later command. Without them it finds the outputs of earlier runs in its run cache, by the
inputs of each stage, so a build without them has the same bytes.
"""

import fcntl
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from edgebake.errors import HostError
from edgebake.terminal.printable import printable

LOCK = Path("dvc.lock")
DVC_FOLDER = Path(".dvc/tmp")
PROCESS_LOCK = DVC_FOLDER / "lock"  # held by a DVC process while it reads or writes dvc.lock
RWLOCK = DVC_FOLDER / "rwlock"  # the paths that each DVC process reads and writes
RWLOCK_GUARD = DVC_FOLDER / "rwlock.lock"  # held while rwlock is read and written
SUFFIX = ".unreadable"  # of a file that was set aside
# What SQLite says of a damaged file; DVC passes it on without the name of the file.
DAMAGED_DATABASE = re.compile(r"file is not a database|database disk image is malformed")
STATE_FOLDER = re.compile(r"^Repo\.site_cache_dir: (?P<path>.+)$", re.MULTILINE)
SITE_CACHE = "DVC_SITE_CACHE_DIR"  # a variable of DVC: the folder above the state of each project


def set_aside_unreadable() -> list[str]:
    """Set dvc.lock and rwlock aside if DVC cannot read them, and return a line for each.

    Nothing is done for a file that a running DVC has locked.
    """
    return [*set_aside_lock(), *set_aside_rwlock()]


def set_aside_lock() -> list[str]:
    """Set dvc.lock aside if DVC cannot read it, and return a line that says so.

    Reading it takes as long as opening DVC's graph does: call it once DVC has refused to.
    """
    with _locked(PROCESS_LOCK) as is_locked:
        if is_locked:
            return _set_aside(LOCK, _fault_of_lock)
    return []


def set_aside_rwlock() -> list[str]:
    """Set rwlock aside if DVC cannot read it, and remove it if the processes in it have ended."""
    lines = []
    with _locked(RWLOCK_GUARD) as is_locked:
        if is_locked:
            lines += _set_aside(RWLOCK, _fault_of_rwlock)
            _remove_if_stale(RWLOCK)
    return lines


def set_aside_databases(output: str) -> list[str]:
    """Set DVC's databases of file hashes aside if DVC's output says that one is damaged.

    Returns:
        A line for each database; none if the output says nothing of one.
    """
    if not DAMAGED_DATABASE.search(output):
        return []
    lines = []
    for file in sorted(_state_folder().rglob("*.db")):
        fault = _fault_of_database(file)
        if fault:
            # With the journals next to it, which belong to the damaged file.
            folder = file.parent.rename(f"{file.parent}{SUFFIX}-{os.getpid()}")
            lines.append(f"{file}: {fault}; moved to {folder}: DVC hashes files again")
    return lines


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    """Hold a lock file as DVC does; yield whether no other process holds it."""
    if not file.is_file():
        yield True  # DVC creates it before it writes anything
        return
    with file.open("r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _set_aside(file: Path, fault_of: Callable[[Path], str]) -> list[str]:
    if not file.is_file():
        return []
    fault = fault_of(file)
    if not fault:
        return []
    DVC_FOLDER.mkdir(parents=True, exist_ok=True)
    aside = DVC_FOLDER / f"{file.name}{SUFFIX}"
    file.replace(aside)
    return [f"{file}: {fault}; moved to {aside}: DVC looks for the outputs in its run cache"]


def _fault_of_lock(file: Path) -> str:
    """Return why DVC refuses dvc.lock, or an empty text; by DVC's own parser and schema."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import ParseError, load_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(load_yaml(str(file)))
    except (ParseError, RecursionError) as error:
        return f"not YAML ({_first_line(error.__cause__ or error)})"
    except Invalid as error:
        return f"incomplete ({_first_line(error)})"
    return ""


def _fault_of_rwlock(file: Path) -> str:
    """Return why DVC refuses rwlock, or an empty text; by DVC's own schema."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        SCHEMA(json.loads(file.read_bytes()))
    except (ValueError, RecursionError) as error:
        return f"not JSON ({_first_line(error)})"
    except Invalid as error:
        return f"incomplete ({_first_line(error)})"
    return ""


def _remove_if_stale(file: Path) -> None:
    """Remove rwlock if every process in it has ended, or its number is now another program's."""
    if not file.is_file():
        return
    content = json.loads(file.read_bytes())
    entries = list(content.get("write", {}).values())
    for readers in content.get("read", {}).values():
        entries += readers
    processes = {entry["pid"] for entry in entries}
    if not any("dvc" in _command_of(process) for process in processes):
        file.unlink()


def _command_of(process: int) -> str:
    """Return the command of a process, or an empty text if there is none."""
    completed = subprocess.run(
        ["ps", "-o", "command=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return completed.stdout.strip()


def _state_folder() -> Path:
    """Return the folder with DVC's databases of this project.

    DVC names it only after it has opened the databases. So it is asked with another folder above,
    which changes nothing else.
    """
    from dvc.dirs import site_cache_dir

    configured = _dvc(os.environ, "config", "core.site_cache_dir").strip()
    site_cache = Path(site_cache_dir(configured or None))
    with tempfile.TemporaryDirectory() as folder:
        report = _dvc({**os.environ, SITE_CACHE: folder}, "doctor")
        match = STATE_FOLDER.search(report)
        if match is None:
            raise HostError("dvc doctor: names no Repo.site_cache_dir; expected DVC's state folder")
        return site_cache / Path(match["path"]).relative_to(folder)


def _dvc(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    completed = subprocess.run(
        command, capture_output=True, text=True, check=False, env=dict(environment)
    )
    return completed.stdout


def _fault_of_database(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        try:
            status = connection.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            return str(error)
    if status != "ok":
        return _first_line(status)
    return ""


def _first_line(problem: object) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return printable(", ".join(lines[:2]), max_length=120)
