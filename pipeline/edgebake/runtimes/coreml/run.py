"""Run an .mlpackage: on a Mac with Core ML itself, elsewhere with the ML Program executor."""

import sys

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import apple, package, picture
from edgebake.runtimes.coreml.executor import LABEL
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.mil import Array
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic, float_values
from edgebake.runtimes.run_modes import RunMode
from edgebake.runtimes.session import Session
from edgebake.tasks.tensors import Feeds

UNTIMED = "latency is that of Core ML's own runtime, a part of macOS and iOS; this machine has none"
# The executor rounds to float16 wherever the program does, or computes everything in float32.
ROUNDED = RunMode("", LABEL, UNTIMED)
UNROUNDED = RunMode("float32_arithmetic", LABEL, UNTIMED)


class ExecutorSession:
    """The executor, with the probabilities as the output of a classifier."""

    def __init__(self, files: dict[str, bytes], threads: int, arithmetic: Arithmetic) -> None:
        contents = package.read(files)
        self._package = contents
        self._executor = Executor(contents, arithmetic, threads)
        self._outputs = self._executor.outputs
        probabilities = contents.specification.description.predictedProbabilitiesName
        if probabilities:  # the name of the dictionary that is made of them
            self._outputs = [probabilities]
        self._feeds: dict[str, Array] = {}
        self._results: list[Array] = []

    def feed(self, example: Feeds) -> None:
        """Set every input; an image is uint8 [1, h, w, c], channels in the model's order."""
        inputs = picture.package_inputs(example, self._package)
        self._feeds = self._executor.prepare(inputs)

    def invoke(self) -> None:
        """Run the program on the current inputs."""
        self._results = self._executor.run(self._feeds)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of the last run by their names in the package, each [1, ...]."""
        return dict(zip(self._outputs, self._results, strict=True))


def run_modes(files: dict[str, bytes]) -> tuple[RunMode, ...]:
    """Return the compute units on a Mac, elsewhere the kinds of arithmetic.

    A program without float16 has only one kind of arithmetic.
    """
    if _on_a_mac():
        return tuple(apple.UNITS)
    program = read_program(package.read(files))
    if float_values(program, ("float16",)):
        return (ROUNDED, UNROUNDED)
    return (ROUNDED,)


def load(files: dict[str, bytes], threads: int, mode: str = "") -> Session:
    """Load the package to run in the mode of a name.

    Raises:
        CoverageError: the executor does not cover one of its operators.
    """
    if _on_a_mac():
        return apple.AppleSession(files, mode)
    arithmetic = Arithmetic.float16
    if mode == UNROUNDED.name:
        arithmetic = Arithmetic.float32
    return ExecutorSession(files, threads, arithmetic)


def _on_a_mac() -> bool:
    return sys.platform == "darwin"
