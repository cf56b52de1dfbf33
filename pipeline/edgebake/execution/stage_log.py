"""Keep the noise of TensorFlow and coremltools off the terminal: it goes into a log file beside the stage's output.

Writes artifacts/<stage>/<variant>.log.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console


@contextmanager
def quiet(log: Path) -> Iterator[Console]:
    """Send file descriptors 1 and 2 into `log` and give a console that still reaches the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal, errors = os.dup(1), os.dup(2)
    noise = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(noise, 1)
    os.dup2(noise, 2)
    try:
        with os.fdopen(os.dup(terminal), "w") as stream:
            yield Console(file=stream, highlight=False, soft_wrap=True)
    except Exception:
        _flush_into_log()
        with suppress(OSError):
            os.write(noise, traceback.format_exc().encode())
        raise
    finally:
        # What Python still holds in its buffers belongs to the noise.
        _flush_into_log()
        os.dup2(terminal, 1)
        os.dup2(errors, 2)
        for descriptor in (terminal, errors, noise):
            os.close(descriptor)


def _flush_into_log() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(
            OSError
        ):  # the disk is full: the log may end early, the stage's own error is what counts
            stream.flush()
