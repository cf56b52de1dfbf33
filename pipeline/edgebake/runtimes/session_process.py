"""Run files in a child process: a crash of their runtime ends the child, not the stage."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.child_process.child import Child, Subject, run
from edgebake.child_process.limits import Limits
from edgebake.errors import ConversionError
from edgebake.runtimes import session
from edgebake.runtimes.interface import Files, load_runtime
from edgebake.runtimes.session import Examples, NamedExamples, Session
from edgebake.tasks.tensors import Feeds
from edgebake.terminal import progress

# Of one message: loading a file, or running a batch of examples that takes a second, or one example
# that takes longer. Core ML writes a copy of the file, compiled.
LIMITS = Limits(memory_gib=16, seconds=600, file_mib=4096)
EXPECTED = (
    f"expected a file that runs with {LIMITS.memory_gib:g} GiB and answers in {LIMITS.seconds:g} s"
)
BATCH_SECONDS = 1.0

# The session of the child; of its parent there is none.
_loaded: list[Session] = []


@dataclass(frozen=True)
class SessionFile:
    """A file, and how a child loads it."""

    name: str  # in messages
    library: str  # that runs it
    load: Callable[..., Session]  # of a module, so that a child can import it
    arguments: tuple[object, ...]  # of `load`

    @classmethod
    def of_runtime(
        cls, name: str, runtime: str, files: Files, threads: int, mode: str = ""
    ) -> "SessionFile":
        """Return a file that a runtime loads to run on a number of threads, in a run mode."""
        library = load_runtime(runtime).facts.library
        arguments = (runtime, files, threads, mode)
        return cls(name, library.name if library else runtime, load_session_of, arguments)


class SessionProcess:
    """A child process that runs files, one after the other."""

    def __init__(self) -> None:
        self._child = Child(LIMITS)

    def __enter__(self) -> "SessionProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def predictions(self, file: SessionFile, examples: Examples) -> dict[str, NDArray[np.float32]]:
        """Run examples one by one; return every output by name, float32 [n, ...].

        Raises:
            ConversionError: the runtime died, hung, took more than the limits, or refused the file.
            EdgebakeError: another one that loading the file raised.
        """
        if not self._child.is_alive:  # it died of the previous file
            self._child.close()
            self._child = Child(LIMITS)
        subject = Subject(file.name, file.library, ConversionError, EXPECTED)
        self._child.call(subject, _load, file.load, file.arguments)
        collected: dict[str, list[NDArray[np.float32]]] = {}
        start = 0
        count = 1
        while start < len(examples):
            began = time.monotonic()
            batch = examples[start : start + count]
            outputs = self._child.call(subject, _predict, dict(batch))
            for name, values in outputs.items():
                collected.setdefault(name, []).append(values)
            start += count
            progress.report(min(start, len(examples)), len(examples), "examples")
            if time.monotonic() - began < BATCH_SECONDS / 2:
                count = min(2 * count, session.READ_AT_ONCE)
        return {name: np.concatenate(values) for name, values in collected.items()}


def predictions(file: SessionFile, examples: Examples) -> dict[str, NDArray[np.float32]]:
    """Return the outputs of `SessionProcess.predictions`, of a child for this file alone."""
    with SessionProcess() as process:
        return process.predictions(file, examples)


def run_on_file(
    name: str, library: str, function: Callable[..., object], *arguments: object
) -> Any:
    """Return what a function returns that gives a file to a library, in a child of its own.

    Raises:
        ConversionError: the library died, hung, took more than the limits, or refused the file.
    """
    subject = Subject(name, library, ConversionError, EXPECTED)
    return run(LIMITS, subject, function, *arguments)


def load_session_of(runtime: str, files: Files, threads: int, mode: str) -> Session:
    """Load files with the runtime of a name; runs in the child."""
    return load_runtime(runtime).load_session(files, threads, mode)


def _load(load: Callable[..., Session], arguments: tuple[object, ...]) -> None:
    """Load a file in place of the previous one; runs in the child."""
    _loaded.clear()
    _loaded.append(load(*arguments))


def _predict(batch: Feeds) -> dict[str, NDArray[np.float32]]:
    """Run the file that was loaded; runs in the child."""
    return session.predictions(_loaded[0], NamedExamples(batch))
