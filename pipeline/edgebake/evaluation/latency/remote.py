"""Run the stopwatch on a machine with a shell: copy, run, read the recording, clean up."""

import json
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgebake.evaluation.latency import protocol, stopwatch
from edgebake.evaluation.latency.protocol import DeviceError, StopwatchRunner
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.evaluation.latency.stopwatch import Recording, Request


@dataclass(frozen=True)
class CommandResult:
    """The exit code and output of a command on another machine."""

    code: int
    stdout: str
    stderr: str

    def last_line(self) -> str:
        """Return the last line of output, or the exit code if there is none."""
        output = self.stdout + self.stderr
        lines = [line.strip() for line in output.splitlines()]
        nonempty = [line for line in lines if line]
        if nonempty:
            return nonempty[-1]
        return f"ended with code {self.code}"


class Machine(Protocol):
    """A machine with a shell; every method raises DeviceError if it cannot be reached."""

    def run(self, command: str) -> CommandResult:
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
            machine.run(f"rm -rf {shlex.quote(folder)}")


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
    file, _ = protocol.model_paths(request)
    with machine.temporary_folder() as folder:
        program = {"stopwatch.py": Path(stopwatch.__file__)}
        candidate, baseline = push_files(request, machine, folder, program)

        def run(stopwatch_request: Request) -> Recording:
            recording = _run_stopwatch(machine, python, folder, stopwatch_request)
            if recording.get("sha256") != stopwatch.digest(file):
                raise DeviceError(
                    f"timed another file than {file.name}: it was damaged in transfer"
                )
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


def _run_stopwatch(machine: Machine, python: str, folder: str, request: Request) -> Recording:
    quoted_request = shlex.quote(json.dumps(request))
    program = shlex.quote(f"{folder}/stopwatch.py")
    command = f"printf %s {quoted_request} | {shlex.quote(python)} {program}"
    result = machine.run(command)
    return protocol.parse_output(result.code, result.stdout, result.stderr)
