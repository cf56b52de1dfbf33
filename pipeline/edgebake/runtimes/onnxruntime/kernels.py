"""A file in QDQ form in, the tensors that ONNX Runtime computes as floats when it runs it out.

Whether an operator between a DequantizeLinear and a QuantizeLinear gets an integer kernel is ONNX Runtime's choice, so
it is asked: it writes down the graph that it runs. It is asked at the extended level, which makes integer kernels, and
not at the full one, which adds layouts that differ by processor.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html
"""

import tempfile
from pathlib import Path

import onnx
import onnxruntime


def float_tensors(model: bytes) -> set[str]:
    """Return the float tensors that operators write when the file runs, but for those at its ends."""
    graph = _optimized(model).graph
    floats = {
        value.name
        for value in graph.input
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    floats |= {item.name for item in graph.initializer if item.data_type == onnx.TensorProto.FLOAT}
    computed: set[str] = set()
    for node in graph.node:
        # An integer kernel reads scales, which are floats, and at least one tensor of integers first.
        if node.op_type == "DequantizeLinear":
            floats.update(node.output)
        elif node.op_type != "QuantizeLinear" and node.input and node.input[0] in floats:
            floats.update(node.output)
            computed.update(node.output)
    return computed


def _optimized(model: bytes) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(target)
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return onnx.load(target)
