"""Run an .mlpackage: with Apple's own runtime on a Mac, elsewhere with the ML Program executor."""

import sys

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import apple, package, picture
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.coreml.executor import program as programs
from edgebake.runtimes.coreml.executor.executor import Array, Executor
from edgebake.runtimes.coreml.executor.translation import Arithmetic, floats
from edgebake.runtimes.run_modes import RunMode
from edgebake.runtimes.session import Session

UNTIMED = "latency is that of Core ML's own runtime, a part of macOS and iOS; this machine has none"
ROUNDED = RunMode("", LABEL, UNTIMED)
UNROUNDED = RunMode("float32_arithmetic", LABEL, UNTIMED)


class ExecutorSession:
    """The executor with one image in and probabilities out."""

    def __init__(self, files: dict[str, bytes], threads: int, arithmetic: Arithmetic) -> None:
        self._read = package.read(files)
        self._executor = Executor(self._read, arithmetic, threads)
        self._fed: dict[str, Array] = {}
        self._found: list[Array] = []

    def feed(self, example: NDArray[np.generic]) -> None:
        """Take one image, uint8 [1, h, w, c], channels in the model's order."""
        self._fed = self._executor.prepared({"image": picture.to_picture(example, self._read)})

    def invoke(self) -> None:
        """Run the program on what was fed."""
        self._found = self._executor.run(self._fed)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the probabilities of the last run by their name in the package, float32 [1, classes]."""
        return {self._read.specification.description.predictedProbabilitiesName: self._found[0]}


def run_modes(files: dict[str, bytes]) -> tuple[RunMode, ...]:
    """Return how this machine runs the package: on a Mac by compute units, elsewhere by arithmetic.

    A program without float16 has one arithmetic.
    """
    if _on_a_mac():
        return tuple(apple.UNITS)
    program = programs.read(package.read(files))
    return (ROUNDED, UNROUNDED) if floats(program, ("float16",)) else (ROUNDED,)


def load(files: dict[str, bytes], threads: int, way: str = "") -> Session:
    """Return the package, ready to run in one of its ways.

    Raises:
        CoverageError: the executor does not cover one of its operators.
    """
    if _on_a_mac():
        return apple.AppleSession(files, way)
    return ExecutorSession(
        files, threads, Arithmetic.float32 if way == UNROUNDED.name else Arithmetic.float16
    )


def _on_a_mac() -> bool:
    return sys.platform == "darwin"
