"""Run a child with all processes that it starts, and end all of them together.

The child leads a session, and so a process group, of its own: Ctrl-C on the terminal does not reach
it, and one signal reaches it and its children.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
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
    # A process that has ended counts until it is waited for.
    end_all([process.pid], wait=process.poll)
    process.wait()


def end_all(groups: Collection[int], wait: Callable[[], object] = lambda: None) -> None:
    """End process groups by SIGTERM, and what is left after a grace period by SIGKILL.

    Args:
        groups: ids.
        wait: called again and again until the groups have ended.
    """
    deadline = time.monotonic() + GRACE
    left = [group for group in groups if _signal(group, signal.SIGTERM)]
    while left and time.monotonic() < deadline:
        time.sleep(INTERVAL)
        wait()
        left = [group for group in left if _signal(group, 0)]
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group, and return whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: all that is left are processes nobody has waited for
        return False
    return True
