"""Run the stopwatch on a machine that is reached through a shell: push, run, read, clean up."""

import json
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgebake.evaluation.latency import protocol, stopwatch
from edgebake.evaluation.latency.measurements import Answer
from edgebake.evaluation.latency.protocol import Place, UnansweredError
from edgebake.evaluation.latency.request import TimingRequest, TimingResult


@dataclass(frozen=True)
class Ran:
    """How a command on another machine ended."""

    code: int
    output: str
    complaints: str

    def last(self) -> str:
        """Return the last thing that it said, or its code where it said nothing."""
        lines = [
            line.strip() for line in (self.output + self.complaints).splitlines() if line.strip()
        ]
        return lines[-1] if lines else f"ended with code {self.code}"


class Machine(Protocol):
    """What is asked of a machine with a shell; each raises UnansweredError where it cannot be reached."""

    def run(self, command: str) -> Ran:
        """Run a command of the machine's shell."""

    def push(self, files: dict[str, Path], folder: str) -> None:
        """Copy files or folders into a folder there, each to its own path below it."""

    def folder(self) -> AbstractContextManager[str]:
        """Give an empty folder there that is removed when the block ends, also by an error."""


@contextmanager
def removed(machine: Machine, folder: str) -> Iterator[str]:
    """Give a folder of a machine that is removed when the block ends, also by an error."""
    try:
        yield folder
    finally:
        with suppress(UnansweredError):  # a machine that is gone cannot be cleaned up
            machine.run(f"rm -rf {shlex.quote(folder)}")


def measure(job: TimingRequest, machine: Machine, python: str, where: str) -> TimingResult:
    """Return what the stopwatch finds on a machine with its runtime and a Python installed.

    Raises:
        UnansweredError: the machine, its Python or its runtime does not answer.
    """
    file, _ = protocol.opened(job)
    with machine.folder() as folder:
        candidate, parent = pushed(job, machine, folder, {"stopwatch.py": Path(stopwatch.__file__)})

        def ask(asked: Answer) -> Answer:
            return _checked(_answer(machine, python, folder, asked), file)

        return protocol.measure(job, Place(where, candidate, parent, ask))


def pushed(
    job: TimingRequest, machine: Machine, folder: str, program: dict[str, Path]
) -> tuple[str, str | None]:
    """Copy a program and the files that it runs, and return where the converted one and its baseline then lie.

    Raises:
        UnansweredError: they cannot be copied.
    """
    file, baseline = protocol.opened(job)
    files = {f"candidate/{file.name}": file} | (
        {f"baseline/{baseline.name}": baseline} if baseline else {}
    )
    machine.push(program | files, folder)
    candidate, *parent = (f"{folder}/{path}" for path in files)
    return candidate, parent[0] if parent else None


def _answer(machine: Machine, python: str, folder: str, asked: Answer) -> Answer:
    words = (json.dumps(asked), python, f"{folder}/stopwatch.py")
    request, interpreter, program = map(shlex.quote, words)
    ran = machine.run(f"printf %s {request} | {interpreter} {program}")
    return protocol.said(ran.code, ran.output, ran.complaints)


def _checked(answer: Answer, file: Path) -> Answer:
    if answer.get("sha256") != stopwatch.digest(file):
        raise UnansweredError(f"timed another file than {file.name}: it was damaged on its way")
    return answer
