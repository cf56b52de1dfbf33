"""Run the stopwatch on a machine with a shell: copy, run, read the recording, clean up."""

import json
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from edgebake.evaluation.latency import protocol, stopwatch
from edgebake.evaluation.latency.command import (
    CLEANUP,
    QUICK,
    CommandResult,
    CutOffError,
    DeviceError,
    Limits,
)
from edgebake.evaluation.latency.protocol import StopwatchRunner
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.evaluation.latency.stopwatch import Recording, Request

# Copying may be as slow as this, and has a minute to begin.
SLOWEST_BYTES_PER_S = 50_000
BEGIN_S = 60


class Machine(Protocol):
    """A machine with a shell; every method raises DeviceError if it cannot be reached."""

    def run(self, command: str, limits: Limits = QUICK) -> CommandResult:
        """Run a command of the machine's shell."""

    def push(self, files: dict[str, Path], folder: str) -> None:
        """Copy files or folders below a folder of the machine; the keys are paths below it."""

    def temporary_folder(self) -> AbstractContextManager[str]:
        """Create an empty folder, and remove it when the block ends, also after an error."""


@contextmanager
def removed_afterwards(machine: Machine, folder: str) -> Iterator[str]:
    """Remove a folder of a machine when the block ends, also after an error."""
    try:
        yield folder
    finally:
        with suppress(DeviceError):  # a machine that is gone cannot be cleaned up
            machine.run(f"rm -rf {shlex.quote(folder)}", CLEANUP)


def measure(request: TimingRequest, machine: Machine, python: str, where: str) -> TimingResult:
    """Time a file on a machine that has Python and the runtime installed.

    Args:
        request: the file and the protocol.
        machine: the machine to run the stopwatch on.
        python: command of the machine's Python.
        where: label of the measurements.

    Raises:
        DeviceError: the machine, its Python or its runtime fails.
    """
    file, baseline_file = protocol.model_paths(request)
    sha256 = stopwatch.digest(file)
    baseline_sha256 = stopwatch.digest(baseline_file) if baseline_file else None
    allowed = protocol.limits(request.protocol)
    with machine.temporary_folder() as folder:
        program = {"stopwatch.py": Path(stopwatch.__file__)}
        candidate, baseline = push_files(request, machine, folder, program)

        def run(stopwatch_request: Request) -> Recording:
            command = _stopwatch_command(python, folder, stopwatch_request)
            result = run_in_group(machine, folder, command, allowed)
            recording = protocol.parse_output(result, stopwatch_request)
            if recording["sha256"] != sha256:
                raise DeviceError(
                    f"timed another file than {file.name}: it was damaged in transfer"
                )
            if stopwatch_request["baseline"] and recording["baseline_sha256"] != baseline_sha256:
                raise DeviceError("timed another float parent: it was damaged in transfer")
            return recording

        runner = StopwatchRunner(where=where, file=candidate, baseline=baseline, run=run)
        return protocol.measure(request, runner)


def push_files(
    request: TimingRequest, machine: Machine, folder: str, program: dict[str, Path]
) -> tuple[str, str | None]:
    """Copy a program and the files that it runs to a machine.

    Returns:
        Paths there of the converted file and of its baseline.

    Raises:
        DeviceError: they cannot be copied.
    """
    file, baseline = protocol.model_paths(request)
    candidate_path = f"candidate/{file.name}"
    files = {**program, candidate_path: file}
    if baseline is None:
        machine.push(files, folder)
        return f"{folder}/{candidate_path}", None
    baseline_path = f"baseline/{baseline.name}"
    machine.push({**files, baseline_path: baseline}, folder)
    return f"{folder}/{candidate_path}", f"{folder}/{baseline_path}"


def copy_limits(size: int) -> Limits:
    """Return the limits of a command that copies so many bytes."""
    return Limits(BEGIN_S + size / SLOWEST_BYTES_PER_S, QUICK.output_bytes)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def run_in_group(machine: Machine, folder: str, command: str, limits: Limits) -> CommandResult:
    """Run a command of the machine's shell, and end its processes there if it is cut off.

    Args:
        machine: with a shell that leads a process group of its own, as those of sshd and adbd do.
        folder: of the machine, for a file with the number of that group.
        command: to run.
        limits: of the command.

    Raises:
        CutOffError: it exceeded a limit.
    """
    group_file = shlex.quote(f"{folder}/group")
    try:
        return machine.run(_in_sh(f"echo $$ > {group_file}; {command}"), limits)
    except CutOffError:
        with suppress(DeviceError):  # a machine that is gone cannot be cleaned up
            # Without `--`, which dash does not know here.
            end = f'group=$(cat {group_file}) && kill -9 "-$group"'
            machine.run(_in_sh(end), CLEANUP)
        raise


def _in_sh(script: str) -> str:
    """Return a command that runs a script in `sh`, whatever the shell of the user is.

    With `exec`, sh is the process that leads the group.
    """
    return f"exec sh -c {shlex.quote(script)}"


def _stopwatch_command(python: str, folder: str, request: Request) -> str:
    quoted_request = shlex.quote(json.dumps(request))
    program = shlex.quote(f"{folder}/stopwatch.py")
    return f"printf %s {quoted_request} | {shlex.quote(python)} {program}"
