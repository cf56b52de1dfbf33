"""Run the command of one stage in a process that was forked from the warm server."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from edgebake.execution import progress_pipe
from edgebake.terminal import progress


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
