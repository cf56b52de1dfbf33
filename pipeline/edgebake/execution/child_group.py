"""Run a child with all processes that it starts, and end all of them together.

The child leads a session, and so a process group, of its own: Ctrl-C on the terminal does not reach
it, and one signal reaches it and its children.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edgebake.execution import parent_watch

GRACE = 10.0  # seconds from SIGTERM to SIGKILL; more than a stage needs to remove its output
INTERVAL = 0.05  # seconds


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and end it and its children when the block ends, in whatever way.

    Args:
        command: the program and its arguments.
        options: of `subprocess.Popen`.
    """
    process = subprocess.Popen(
        command, text=True, errors="backslashreplace", start_new_session=True, **options
    )
    try:
        yield process
    finally:
        end(process)
        if process.stdout:
            process.stdout.close()


def python_module(*arguments: str) -> list[str]:
    """Return the command of `python -m` with a process that ends when this one has ended."""
    return [sys.executable, "-P", parent_watch.__file__, *arguments]


def end(process: subprocess.Popen[str]) -> None:
    """End a process group by SIGTERM, and what is left of it after a grace period by SIGKILL."""
    deadline = time.monotonic() + GRACE
    is_there = _signal(process, signal.SIGTERM)
    while is_there and time.monotonic() < deadline:
        time.sleep(INTERVAL)
        process.poll()  # a process that has ended counts until it is waited for
        is_there = _signal(process, 0)
    if is_there:
        _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[str], number: int) -> bool:
    """Send a signal to a process group, and return whether there is one."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: all that is left are processes nobody has waited for
        return False
    return True
