"""Take turns on this machine: stages compute side by side, and a file is timed alone.

A readers-writer lock of two files, which flock(2) locks, in a folder of the user and outside of any
project: builds of two clones take turns as well. A stage holds WORK shared while it computes, a
timing holds it alone. Both pass TURNSTILE first, which a timing keeps from when it begins to wait
until its end: a stage that starts in the meantime waits, so that timings do not starve. The kernel
releases the locks of a process that dies.
"""

import fcntl
import hashlib
import math
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edgebake.errors import HostError
from edgebake.terminal import progress

WORK = "work"
TURNSTILE = "turnstile"
# So long a timing waits for stages that compute. One of another build may train for hours; longer,
# and every stage that starts in the meantime would wait with it.
WAIT_S = 300.0
# A phone or board is busy as long as another build times a file there.
DEVICE_WAIT_S = 600.0
POLL_S = 0.05
REPORT_S = 2.0  # a shorter wait is not worth a line
RUNTIME_FOLDER = "XDG_RUNTIME_DIR"  # of the XDG Base Directory Specification

WAITS_FOR_TIMING = "another stage times a file, alone on this machine"
BESIDE_STAGE = f"another stage of edgebake was still running after a wait of {WAIT_S:g} s"


class BusyError(Exception):
    """A device is in use by another build."""


class _Process:
    """What this process holds."""

    work: IO[str] | None = None  # locked while it computes


def folder() -> Path:
    """Return the folder with the lock files of this user, and create it.

    Raises:
        HostError: somebody else has created it, or it cannot be written.
    """
    user = os.getuid()
    path = _base(user) / f"edgebake-{user}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise HostError(f"{path}: {problem}; expected a folder for lock files") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != user:
        raise HostError(f"{path}: not a folder of this user; expected one for lock files")
    return path


def _base(user: int) -> Path:
    """Return the runtime folder of this user, or the temporary folder if there is none."""
    runtime = Path(os.environ.get(RUNTIME_FOLDER, ""))
    if runtime.is_absolute() and runtime.is_dir() and runtime.stat().st_uid == user:
        return runtime
    return Path(tempfile.gettempdir())


@contextmanager
def working() -> Iterator[None]:
    """Hold the machine together with other stages, while this process computes."""
    if _Process.work is not None:
        yield
        return
    with _open(WORK) as work:
        _enter(work)
        _Process.work = work
        try:
            yield
        finally:
            _Process.work = None


@contextmanager
def alone(limit_s: float = WAIT_S) -> Iterator[bool]:
    """Hold the machine alone, after at most `limit_s` seconds of waiting for stages that compute.

    Yields:
        Whether no stage computes; after the wait, those that do go on beside this process.
    """
    waits = f"waits for other stages to end, at most {limit_s:g} s"
    with _resting(), _open(TURNSTILE) as turnstile, _open(WORK) as work:
        _lock(turnstile, fcntl.LOCK_EX, WAITS_FOR_TIMING)
        yield _lock(work, fcntl.LOCK_EX, waits, limit_s)


@contextmanager
def timing() -> Iterator[None]:
    """Hold the machine beside stages that compute, but not beside another timing.

    For a timing on a core of its own.
    """
    with _resting(), _open(f"{TURNSTILE}-core") as core:
        _lock(core, fcntl.LOCK_EX, WAITS_FOR_TIMING)
        yield


@contextmanager
def device(address: str, limit_s: float = DEVICE_WAIT_S) -> Iterator[None]:
    """Hold a device, which is a machine of its own; this process computes nothing meanwhile.

    Args:
        address: by which this machine reaches the device.
        limit_s: seconds to wait for another build.

    Raises:
        BusyError: another build had the device for longer.
    """
    digest = hashlib.sha256(address.encode()).hexdigest()
    waits = f"another build times a file on the device; waits at most {limit_s:g} s"
    with _resting(), _open(f"device-{digest[:32]}") as stream:
        if not _lock(stream, fcntl.LOCK_EX, waits, limit_s):
            raise BusyError(f"another build times files on it, for {limit_s:g} s or longer")
        yield


@contextmanager
def _resting() -> Iterator[None]:
    """Give up the hold of a process that computes, and take it again at the end."""
    work = _Process.work
    if work is None:
        yield
        return
    fcntl.flock(work, fcntl.LOCK_UN)
    try:
        yield
    finally:
        _enter(work)


def _enter(work: IO[str]) -> None:
    with _open(TURNSTILE) as turnstile:
        _lock(turnstile, fcntl.LOCK_SH, WAITS_FOR_TIMING)
        # At once: who holds WORK alone holds the turnstile too.
        fcntl.flock(work, fcntl.LOCK_SH)


def _lock(stream: IO[str], operation: int, note: str, limit_s: float = math.inf) -> bool:
    """Lock a file, and return whether that succeeded within so many seconds.

    flock(2) has no limit of time, so this asks again and again.
    """
    start = time.monotonic()
    is_reported = False
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(stream, operation | fcntl.LOCK_NB)
            return True
        waited = time.monotonic() - start
        if waited >= limit_s:
            return False
        if waited >= REPORT_S and not is_reported:
            progress.report(0, 1, "turns", note)
            is_reported = True
        time.sleep(POLL_S)


def _open(name: str) -> IO[str]:
    """Open a lock file; closing it releases its lock."""
    return (folder() / name).open("a")
