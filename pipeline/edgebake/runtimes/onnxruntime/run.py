"""Run an .onnx file with ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edgebake.models.onnx.external_data import refuse_external_data_in
from edgebake.runtimes.onnxruntime import EXACT_SUMS, FILE, scales
from edgebake.runtimes.session import Session, Tensor, values_for
from edgebake.tasks.tensors import Feeds

DTYPES = {
    "tensor(float)": "float32",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
}
# `DequantizeLinear` does not contain this text.
QUANTIZES = b"QuantizeLinear"


class OnnxSession:
    """One inference session."""

    def __init__(self, files: dict[str, bytes], threads: int) -> None:
        model = files[FILE]
        refuse_external_data_in(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if QUANTIZES not in model:
            # Convert integer weights of float activations to floats once, at load. In every run,
            # this takes 4 to 12 times as long.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        if EXACT_SUMS.encode() in model:
            # Weights of 8 bits: the file answers here as on its device, where no sum overflows.
            options.add_session_config_entry(EXACT_SUMS, "1")
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(model, options, providers=providers)
        properties = session.get_modelmeta().custom_metadata_map
        self._session = session
        self._inputs = _tensors("input", session.get_inputs(), properties)
        self._outputs = _tensors("output", session.get_outputs(), properties)
        self._feeds: dict[str, NDArray[np.generic]] = {}
        self._results: list[NDArray[np.generic]] = []

    def feed(self, example: Feeds) -> None:
        """Set every input by its name."""
        self._feeds = {}
        for tensor in self._inputs:
            self._feeds[tensor.name] = tensor.to_stored(values_for(tensor.name, example))

    def invoke(self) -> None:
        """Run the model on the current inputs."""
        self._results = self._session.run(None, self._feeds)

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the outputs of the last run by name, each float32 [1, ...]."""
        outputs = {}
        for tensor, stored in zip(self._outputs, self._results, strict=True):
            outputs[tensor.name] = tensor.to_real(stored)
        return outputs


def _tensors(
    end: str, nodes: Sequence[onnxruntime.NodeArg], properties: Mapping[str, str]
) -> list[Tensor]:
    descriptions = [(node.name, list(node.shape), DTYPES[node.type]) for node in nodes]
    return scales.describe_tensors(end, descriptions, properties)


def load(files: dict[str, bytes], threads: int, _mode: str = "") -> Session:
    """Load the file to run on a number of threads; there is only one run mode."""
    return OnnxSession(files, threads)
