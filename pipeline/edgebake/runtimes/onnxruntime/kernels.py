"""Find the tensors that ONNX Runtime computes as floats when it runs a file in QDQ form.

ONNX Runtime decides whether an operator between DequantizeLinear and QuantizeLinear gets an integer
kernel. Here it writes the graph that it would run, at the extended optimization level, which makes
integer kernels; the full level adds layouts that differ by processor. Source:
https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
"""

import tempfile
from pathlib import Path

import onnx
import onnxruntime

from edgebake.models.onnx.external_data import refuse_external_data_in
from edgebake.runtimes import session_process
from edgebake.runtimes.onnxruntime import FILE

LIBRARY = "ONNX Runtime"


def float_tensors(model: bytes) -> set[str]:
    """Return the float tensors that operators write when the file runs.

    Casts of its input and output do not count.
    """
    graph = optimize(model).graph
    floats = set()
    for value in graph.input:
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            floats.add(value.name)
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            floats.add(tensor.name)
    computed: set[str] = set()
    for node in graph.node:
        # An integer kernel reads scales, which are floats, but its first input is an integer.
        if node.op_type == "DequantizeLinear":
            floats.update(node.output)
        elif node.op_type != "QuantizeLinear" and node.input and node.input[0] in floats:
            floats.update(node.output)
            computed.update(node.output)
    return computed


def optimize(model: bytes) -> onnx.ModelProto:
    """Return the graph that ONNX Runtime makes of a file at the extended optimization level.

    Raises:
        ConversionError: ONNX Runtime does not load the file.
    """
    optimized = session_process.run_on_file(FILE, LIBRARY, _optimize, model)
    return onnx.load_from_string(optimized)


def _optimize(model: bytes) -> bytes:
    """Return the serialized graph; runs in a child process."""
    refuse_external_data_in(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(file)
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return file.read_bytes()
