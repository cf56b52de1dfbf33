"""Run a .tflite file with LiteRT's interpreter; TensorFlow is not imported."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.run_modes import SINGLE_MODE, RunMode
from edgebake.runtimes.session import Session


class LiteRTSession:
    """One interpreter with its tensors allocated."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        self._interpreter = Interpreter(model_content=files[FILE], num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input_index = self._interpreter.get_input_details()[0]["index"]
        self._output_index = self._interpreter.get_output_details()[0]["index"]
        inspection = inspect(files)
        self._input, self._output = inspection.input, inspection.output

    def feed(self, example: NDArray[np.float32]) -> None:
        """Take one example as the model sees it, float32 [1, h, w, c]."""
        self._interpreter.set_tensor(self._input_index, self._input.to_stored(example))

    def invoke(self) -> None:
        """Run the model on what was fed."""
        self._interpreter.invoke()

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the output of the last run by its name, float32 [1, ...]."""
        return {
            self._output.name: self._output.to_real(
                self._interpreter.get_tensor(self._output_index)
            )
        }


def run_modes(_: dict[str, bytes]) -> tuple[RunMode, ...]:
    """Return the one way in which a host runs the file."""
    return SINGLE_MODE


def load(files: dict[str, bytes], threads: int, _: str = "") -> Session:
    """Return the file, ready to run on `threads` threads."""
    return LiteRTSession(files, threads)
