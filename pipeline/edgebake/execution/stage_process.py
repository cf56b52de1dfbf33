"""Run the command of one stage in a process that was forked from the warm server."""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from edgebake.execution import progress_pipe
from edgebake.terminal import progress

GRACE = 5.0  # seconds from SIGTERM to SIGKILL


@dataclass(frozen=True)
class Command:
    """What a stage's process runs."""

    arguments: tuple[str, ...]  # of `edgebake`; empty: run `shell`
    shell: str  # the command line in dvc.yaml
    folder: Path
    environment: Mapping[str, str]


def run(command: Command, output: Path, reports: Connection) -> None:
    """Run a command as `python -m edgebake` does, and end this process with its exit code.

    Args:
        command: what to run.
        output: file that takes stdout and stderr.
        reports: pipe that takes the progress of the stage.
    """
    os.setsid()  # one signal then reaches this process and all that it starts
    _end_with_builder()
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    # As in a process that nobody forked, libraries get the system's default.
    default = multiprocessing.get_all_start_methods()[0]
    multiprocessing.set_start_method(default, force=True)
    if not command.arguments:
        shell = command.environment.get("SHELL", "/bin/sh")
        completed = subprocess.run([shell, "-c", command.shell], check=False)
        os._exit(min(abs(completed.returncode), 255))
    sys.argv = ["edgebake", *command.arguments]
    with progress.reported_to(progress_pipe.sender(reports.fileno())):
        runpy.run_module("edgebake", run_name="__main__", alter_sys=True)


def _end_with_builder() -> None:
    """End this process and all that it starts when the process that asked for it has ended.

    Its parent is the warm server, which goes on as long as one of its forks does.
    """
    builder = multiprocessing.parent_process()
    if builder is None:
        return
    sentinel = builder.sentinel

    def watch() -> None:
        wait([sentinel])
        os.killpg(os.getpgrp(), signal.SIGTERM)
        time.sleep(GRACE)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="builder watch", daemon=True).start()
