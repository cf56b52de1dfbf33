"""Run the command of one stage in a new process, for stages that need none of the warm libraries.

    python -m edgebake.execution.cold_process DESCRIPTOR [ARGUMENT]...

Runs `python -m edgebake ARGUMENT...`, and writes the progress of the stage into a file descriptor.
"""

import runpy
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from edgebake.execution import parent_watch, progress_pipe
from edgebake.execution.stage_process import Command
from edgebake.terminal import progress


def start(command: Command, output: Path, reports: Connection) -> "subprocess.Popen[bytes]":
    """Start the process of a stage, which leads a process group of its own.

    Args:
        command: what to run; `arguments` are not empty.
        output: file that takes stdout and stderr.
        reports: pipe that takes the progress of the stage.
    """
    descriptor = reports.fileno()
    with output.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", __name__, str(descriptor), *command.arguments],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            pass_fds=(descriptor,),
            start_new_session=True,
        )


def main() -> None:
    """Run the command line's arguments as `python -m edgebake` does."""
    parent_watch.start(parent_watch.end_group)
    descriptor = int(sys.argv[1])
    sys.argv = ["edgebake", *sys.argv[2:]]
    with progress.reported_to(progress_pipe.sender(descriptor)):
        runpy.run_module("edgebake", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
