"""Refuse predictions that are not finite, and name the first operator whose output is not."""

from dataclasses import dataclass

import numpy as np

from edgebake.errors import UnsuitedError
from edgebake.runtimes import session_process
from edgebake.runtimes.interface import Files, load_runtime
from edgebake.runtimes.session import Examples
from edgebake.runtimes.session_process import SessionFile
from edgebake.tasks.tensors import Feeds, Outputs

EXPECTED = "expected finite numbers: replace what computes them, or take another scheme or runtime"


@dataclass(frozen=True)
class RuntimeFile:
    """The files of one runtime that were run."""

    name: str  # in messages
    runtime: str
    files: Files

    @property
    def library(self) -> str:
        """Return the name of the runtime for messages."""
        library = load_runtime(self.runtime).facts.library
        return library.name if library else self.runtime

    def session_file(self, threads: int, mode: str = "") -> SessionFile:
        """Return the files to run in a child process."""
        return SessionFile.of_runtime(self.name, self.runtime, self.files, threads, mode)


def refuse_not_finite(file: RuntimeFile, outputs: Outputs, examples: Examples) -> None:
    """Refuse the outputs of a file for examples unless all are finite.

    Raises:
        UnsuitedError: some are not; it names the file, the runtime and the first such operator.
    """
    rows = not_finite_rows(outputs)
    if not rows:
        return
    first = rows[0]
    example = dict(examples[first : first + 1])
    operator = session_process.run_on_file(
        file.name, file.library, trace_not_finite, file.runtime, file.files, example
    )
    origin = f"; the first value that is not finite is of {operator}" if operator else ""
    raise UnsuitedError(
        f"{file.name}: {file.library} answers NaN or infinity for {len(rows):,} of "
        f"{len(examples):,} examples{origin}; {EXPECTED}"
    )


def not_finite_rows(outputs: Outputs) -> list[int]:
    """Return the numbers of the examples with a value that is not finite in any output."""
    rows: set[int] = set()
    for values in outputs.values():
        flat = values.reshape(len(values), -1)
        is_finite = np.isfinite(flat).all(axis=1)
        rows.update(int(row) for row in np.flatnonzero(~is_finite))
    return sorted(rows)


def trace_not_finite(runtime: str, files: Files, example: Feeds) -> str:
    """Return the first operator of a runtime's file whose output is not finite; runs in a child.

    Args:
        runtime: its name.
        files: of the model.
        example: what a session of the file is fed.

    Returns:
        Kind and output of the operator; empty if all that can be read are finite.
    """
    for operator, values in load_runtime(runtime).trace_values(files, example):
        if not np.isfinite(values).all():
            return operator
    return ""
