"""Run an .onnx file with ONNX Runtime on the CPU."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.runtimes.onnxruntime import FILE
from pipeline.tensors import Session
from pipeline.ways import ONLY, Way


class OnnxSession:
    """One inference session."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(files[FILE], options, providers=["CPUExecutionProvider"])
        self._input_name = self._session.get_inputs()[0].name
        self._fed: dict[str, NDArray[np.float32]] = {}
        self._outputs: list[NDArray[np.float32]] = []

    def feed(self, example: NDArray[np.float32]) -> None:
        """Take one example as the model sees it, float32 [1, h, w, c]."""
        self._fed = {self._input_name: example}

    def invoke(self) -> None:
        """Run the model on what was fed."""
        self._outputs = self._session.run(None, self._fed)

    def read(self) -> NDArray[np.float32]:
        """Return the last run's probabilities, float32 [1, classes]."""
        return self._outputs[0]


def ways(_: dict[str, bytes]) -> tuple[Way, ...]:
    """Return the one way in which a host runs the file."""
    return ONLY


def load(files: dict[str, bytes], threads: int, _: str = "") -> Session:
    """Return the file, ready to run on `threads` threads."""
    return OnnxSession(files, threads)
