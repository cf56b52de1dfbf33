"""Read inputs, outputs, operators and dtypes out of an .onnx file.

In QDQ form the graph is written in floats and an integer operator is one that stands between a DequantizeLinear and a
QuantizeLinear; ONNX Runtime replaces the three by one integer kernel when it loads the file, if it has one.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#onnx-quantization-representation-format
"""

from collections import Counter

import onnx

from edgebake.runtimes.onnxruntime import FILE, kernels, scales
from edgebake.runtimes.session import Inspection, Operator, Tensor

BOUNDARY = ("QuantizeLinear", "DequantizeLinear")


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return what the file holds; an operator is integer if it is written so and ONNX Runtime runs it so.

    What is counted stands in the file, not in the graph that ONNX Runtime makes of it, which differs by processor.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(files[FILE]))
    graph = model.graph
    dtypes = _dtypes(graph)
    integer = _between_boundaries(graph)
    if integer:
        floats = kernels.float_tensors(files[FILE])
        integer -= {node.name for node in graph.node if floats.intersection(node.output)}
    operators = [_operator(node, dtypes, node.name in integer) for node in _running(graph)]
    properties = {entry.key: entry.value for entry in model.metadata_props}
    return Inspection(
        input=_tensor("input", graph.input[0], properties),
        output=_tensor("output", graph.output[0], properties),
        operators=operators,
        tensors=dict(Counter(dtypes.values())),
        boundaries=dict(Counter(node.op_type for node in graph.node if node.op_type in BOUNDARY)),
    )


def _running(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes that compute on what is fed: no boundaries, and none that ONNX Runtime is done with at load."""
    constants = {item.name for item in graph.initializer}
    return [
        node
        for node in graph.node
        if node.op_type not in BOUNDARY and not constants.issuperset(node.input)
    ]


def _dtypes(graph: onnx.GraphProto) -> dict[str, str]:
    values = [*graph.input, *graph.value_info, *graph.output]
    found = {value.name: _dtype(value.type.tensor_type.elem_type) for value in values}
    return found | {item.name: _dtype(item.data_type) for item in graph.initializer}


def _dtype(number: int) -> str:
    # ONNX says FLOAT for float32.
    name = onnx.TensorProto.DataType.Name(number).lower()
    return "float32" if name == "float" else name


def _between_boundaries(graph: onnx.GraphProto) -> set[str]:
    """Return the nodes whose live inputs all come from DequantizeLinear and whose outputs all go to QuantizeLinear."""
    constants = {item.name for item in graph.initializer}
    makers = {name: node.op_type for node in graph.node for name in node.output}
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return {
        node.name
        for node in graph.node
        if all(
            makers.get(name) == "DequantizeLinear"
            for name in node.input
            if name and name not in constants
        )
        and all(readers.get(name) == {"QuantizeLinear"} for name in node.output)
    }


def _operator(node: onnx.NodeProto, dtypes: dict[str, str], integer: bool) -> Operator:
    if integer:
        return Operator(node.op_type, ("int8",))
    live = [dtypes.get(name, "unknown") for name in [*node.input[:1], *node.output]]
    return Operator(node.op_type, tuple(sorted(set(live))))


def _tensor(end: str, value: onnx.ValueInfoProto, properties: dict[str, str]) -> Tensor:
    tensor_type = value.type.tensor_type
    shape = [dimension.dim_value for dimension in tensor_type.shape.dim]
    return scales.describe_tensor(
        end, (value.name, shape, _dtype(tensor_type.elem_type)), properties
    )
