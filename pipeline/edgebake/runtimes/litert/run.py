"""Run a .tflite file with LiteRT's interpreter; TensorFlow is not imported."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.session import Session, values_for
from edgebake.tasks.tensors import Feeds


class LiteRTSession:
    """One interpreter with its tensors allocated."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        interpreter = Interpreter(model_content=files[FILE], num_threads=threads)
        interpreter.allocate_tensors()
        image, *_ = interpreter.get_input_details()
        output, *_ = interpreter.get_output_details()
        inspection = inspect(files)
        self._interpreter = interpreter
        self._input_index = image["index"]
        self._output_index = output["index"]
        self._input = inspection.input
        self._output = inspection.output

    def feed(self, example: Feeds) -> None:
        """Set the input."""
        stored = self._input.to_stored(values_for(self._input.name, example))
        self._interpreter.set_tensor(self._input_index, stored)

    def invoke(self) -> None:
        """Run the model on the current input."""
        self._interpreter.invoke()

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the output of the last run by its name, float32 [1, ...]."""
        stored = self._interpreter.get_tensor(self._output_index)
        real = self._output.to_real(stored)
        return {self._output.name: real}


def load(files: dict[str, bytes], threads: int, _mode: str = "") -> Session:
    """Load the file to run on a number of threads; there is only one run mode."""
    return LiteRTSession(files, threads)
