"""Run a verb of `edgebake` in a copy of this process, which has imported everything already."""

import io
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from edgebake.cli.main import main

# Of the processor, after which a child is killed: other processes of the machine do not count.
SECONDS = 20
DEADLINE = 300.0  # seconds of the clock, after which a child is killed that waits for nothing


@dataclass(frozen=True)
class Outcome:
    """What a verb answered."""

    code: int  # -9: it was killed
    output: str
    seconds: float  # of the processor


def run_forked(arguments: Sequence[str]) -> Outcome:
    """Run a verb and return its exit code, and what it wrote to stdout and stderr."""
    start = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(arguments, writing)
    os.close(writing)
    output = bytearray()
    with io.FileIO(reading) as pipe:
        while chunk := _read(pipe, start + DEADLINE):
            output += chunk
    if time.monotonic() >= start + DEADLINE:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    return Outcome(os.waitstatus_to_exitcode(status), output.decode(errors="replace"), seconds)


def _read(pipe: io.FileIO, deadline: float) -> bytes:
    rest = max(0.0, deadline - time.monotonic())
    ready, _, _ = select.select([pipe], [], [], rest)
    return pipe.read(65536) or b"" if ready else b""


def _run_child(arguments: Sequence[str], writing: int) -> None:
    code = 99
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = sys.stdout
        code = main(arguments)
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)
