"""Redirect the output of libraries into a log file next to a stage's output.

TensorFlow and coremltools write to the file descriptors of the process. Writes
artifacts/<stage>/<variant>.log.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from edgebake.terminal.console import Terminal


@contextmanager
def quiet(log: Path) -> Iterator[Console]:
    """Redirect file descriptors 1 and 2 into `log`; yield a console that reaches the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    stdout = os.dup(1)
    stderr = os.dup(2)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    log_descriptor = os.open(log, flags, 0o644)
    os.dup2(log_descriptor, 1)
    os.dup2(log_descriptor, 2)
    try:
        with os.fdopen(os.dup(stdout), "w", errors="backslashreplace") as terminal:
            yield Terminal(file=terminal)
    except Exception:
        _flush_into_log()
        text = traceback.format_exc()
        with suppress(OSError):
            os.write(log_descriptor, text.encode(errors="backslashreplace"))
        raise
    finally:
        # Text in Python's own buffers belongs into the log too.
        _flush_into_log()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for descriptor in (stdout, stderr, log_descriptor):
            os.close(descriptor)


def _flush_into_log() -> None:
    for stream in (sys.stdout, sys.stderr):
        # If the disk is full, the log may end early: the stage's own error matters.
        with suppress(OSError):
            stream.flush()
