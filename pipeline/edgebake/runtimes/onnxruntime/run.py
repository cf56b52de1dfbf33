"""Run an .onnx file with ONNX Runtime on the CPU."""

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edgebake.runtimes.onnxruntime import FILE, scales
from edgebake.runtimes.run_modes import SINGLE_MODE, RunMode
from edgebake.runtimes.session import Session, Tensor

DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int8)": "int8"}
# `DequantizeLinear` does not hold this text.
QUANTIZES = b"QuantizeLinear"


class OnnxSession:
    """One inference session."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        if QUANTIZES not in files[FILE]:
            # Integer weights beside float activations become floats once, at load; else in every run, which takes
            # 4 to 12 times as long.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = onnxruntime.InferenceSession(
            files[FILE], options, providers=["CPUExecutionProvider"]
        )
        properties = self._session.get_modelmeta().custom_metadata_map
        self._input = _tensor("input", self._session.get_inputs()[0], properties)
        self._output = _tensor("output", self._session.get_outputs()[0], properties)
        self._fed: dict[str, NDArray[Any]] = {}
        self._outputs: list[NDArray[Any]] = []

    def feed(self, example: NDArray[np.float32]) -> None:
        """Take one example as the model sees it, float32 [1, h, w, c]."""
        self._fed = {self._input.name: self._input.to_stored(example)}

    def invoke(self) -> None:
        """Run the model on what was fed."""
        self._outputs = self._session.run(None, self._fed)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the output of the last run by its name, float32 [1, ...]."""
        return {self._output.name: self._output.to_real(self._outputs[0])}


def _tensor(end: str, seen: Any, properties: dict[str, str]) -> Tensor:
    return scales.describe_tensor(end, (seen.name, list(seen.shape), DTYPES[seen.type]), properties)


def run_modes(_: dict[str, bytes]) -> tuple[RunMode, ...]:
    """Return the one way in which a host runs the file."""
    return SINGLE_MODE


def load(files: dict[str, bytes], threads: int, _: str = "") -> Session:
    """Return the file, ready to run on `threads` threads."""
    return OnnxSession(files, threads)
