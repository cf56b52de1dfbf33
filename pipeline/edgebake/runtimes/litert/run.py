"""Run a .tflite file with LiteRT's interpreter; TensorFlow is not imported."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.session import Session, Tensor, values_for
from edgebake.tasks.tensors import Feeds


class LiteRTSession:
    """One interpreter with its tensors allocated."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        interpreter = Interpreter(model_content=files[FILE], num_threads=threads)
        interpreter.allocate_tensors()
        inspection = inspect(files)
        self._interpreter = interpreter
        # Both are in the order of the file.
        self._inputs = _by_index(interpreter.get_input_details(), inspection.inputs)
        self._outputs = _by_index(interpreter.get_output_details(), inspection.outputs)

    def feed(self, example: Feeds) -> None:
        """Set every input by its name."""
        for index, tensor in self._inputs.items():
            stored = tensor.to_stored(values_for(tensor.name, example))
            self._interpreter.set_tensor(index, stored)

    def invoke(self) -> None:
        """Run the model on the current inputs."""
        self._interpreter.invoke()

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of the last run by name, each float32 [1, ...]."""
        outputs = {}
        for index, tensor in self._outputs.items():
            stored = self._interpreter.get_tensor(index)
            outputs[tensor.name] = tensor.to_real(stored)
        return outputs


def _by_index(details: list[dict[str, Any]], tensors: list[Tensor]) -> dict[int, Tensor]:
    """Return the tensors by their index in the interpreter."""
    indices = [detail["index"] for detail in details]
    return dict(zip(indices, tensors, strict=True))


def load(files: dict[str, bytes], threads: int, _mode: str = "") -> Session:
    """Load the file to run on a number of threads; there is only one run mode."""
    return LiteRTSession(files, threads)
