"""End a process when its parent has ended, so that nothing goes on after `kill -9` of the parent.

The kernel tells a child nothing of its parent's end on every system; but its parent's id changes.
As a script (`python -P parent_watch.py MODULE [ARGUMENT]...`) it runs a module as `python -m` does,
in a process that ends itself and its process group. It imports nothing of edgebake: a rebuild
starts it with the code of another commit on the path.
"""

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable

INTERVAL = 0.5  # seconds between two looks at the parent's id
GRACE = 5.0  # seconds in which the process may clean up


def start(end: Callable[[], None]) -> None:
    """Watch the parent in a thread, and call `end` in that thread when the parent has ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL)
        end()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def end_process() -> None:
    """End this process by SIGTERM; without a clean-up if it does not come to its handler."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)


def end_group() -> None:
    """End the process group that this process leads."""
    os.killpg(os.getpgrp(), signal.SIGTERM)


if __name__ == "__main__":
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    start(end_group)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
