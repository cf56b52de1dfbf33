"""Run a .tflite file with LiteRT's interpreter; TensorFlow is not imported."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.session import Session


class LiteRTSession:
    """One interpreter with its tensors allocated."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        self._interpreter = Interpreter(model_content=files[FILE], num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input_index = self._interpreter.get_input_details()[0]["index"]
        self._output_index = self._interpreter.get_output_details()[0]["index"]
        inspection = inspect(files)
        self._input = inspection.input
        self._output = inspection.output

    def feed(self, example: NDArray[np.float32]) -> None:
        """Set the input, preprocessed float32 [1, h, w, c]."""
        stored = self._input.to_stored(example)
        self._interpreter.set_tensor(self._input_index, stored)

    def invoke(self) -> None:
        """Run the model on the current input."""
        self._interpreter.invoke()

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the output of the last run by its name, float32 [1, ...]."""
        stored = self._interpreter.get_tensor(self._output_index)
        return {self._output.name: self._output.to_real(stored)}


def load(files: dict[str, bytes], threads: int, _mode: str = "") -> Session:
    """Load the file to run on a number of threads; there is only one run mode."""
    return LiteRTSession(files, threads)
