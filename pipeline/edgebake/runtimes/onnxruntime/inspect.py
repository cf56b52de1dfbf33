"""Read inputs, outputs, operators and dtypes of an .onnx file.

In QDQ form the graph is written in floats. An operator is an integer operator if it stands between
DequantizeLinear and QuantizeLinear; when ONNX Runtime loads the file, it replaces the three by one
integer kernel, if it has one. Source: https://onnxruntime.ai/docs/performance/
model-optimizations/quantization.html#onnx-quantization-representation-format
"""

from collections import Counter
from collections.abc import Iterable

import onnx

from edgebake.models.normalizations import has_normalization, normalization_nodes
from edgebake.models.onnx.graph import initializers
from edgebake.runtimes.onnxruntime import FILE, kernels, scales
from edgebake.runtimes.onnxruntime.float_regions import node_graph
from edgebake.runtimes.session import Inspection, Operator, Tensor

BOUNDARY = ("QuantizeLinear", "DequantizeLinear")
INDEX_DTYPES = ("bool", "int32", "int64")


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return inputs, outputs, operators and dtypes of the file.

    An operator is an integer operator if the file says so and ONNX Runtime runs it so. Counted are
    the operators of the file; the graph that ONNX Runtime makes of it differs by processor.
    """
    parsed = onnx.load_from_string(files[FILE])
    model = onnx.shape_inference.infer_shapes(parsed)
    graph = model.graph
    operators = [operator for _, operator in running_operators(graph, files[FILE])]
    tensors = Counter(_dtypes(graph).values())
    boundaries: Counter[str] = Counter()
    for node in graph.node:
        if node.op_type in BOUNDARY:
            boundaries[node.op_type] += 1
    properties = {entry.key: entry.value for entry in model.metadata_props}
    return Inspection(
        inputs=_tensors("input", graph.input, properties),
        outputs=_tensors("output", graph.output, properties),
        operators=operators,
        tensors=dict(tensors),
        boundaries=dict(boundaries),
        normalizations=_normalizations(graph),
    )


def _normalizations(graph: onnx.GraphProto) -> list[str]:
    """Return the kinds of the operators of normalizations."""
    if not has_normalization(node.op_type for node in graph.node):
        return []
    links = node_graph(graph)
    return [links.nodes[index].kind for index in sorted(normalization_nodes(links))]


def running_operators(
    graph: onnx.GraphProto, model: bytes
) -> list[tuple[onnx.NodeProto, Operator]]:
    """Return the nodes that run for every image, each with its kind and dtypes.

    Args:
        graph: of the file, with the dtypes of its tensors.
        model: the file.
    """
    dtypes = _dtypes(graph)
    integer_nodes = _integer_nodes(graph, model)
    operators = []
    for node in _running_nodes(graph):
        is_integer = node.name in integer_nodes
        operators.append((node, _operator(node, dtypes, is_integer)))
    return operators


def _running_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes that run for every image: no boundaries, no work on constants alone."""
    constants = initializers(graph).keys()
    nodes = []
    for node in graph.node:
        if node.op_type in BOUNDARY:
            continue
        reads_only_constants = constants >= set(node.input)
        if not reads_only_constants:
            nodes.append(node)
    return nodes


def _dtypes(graph: onnx.GraphProto) -> dict[str, str]:
    """Return the dtype of every tensor by name."""
    dtypes = {}
    values = [*graph.input, *graph.value_info, *graph.output]
    for value in values:
        number = value.type.tensor_type.elem_type
        dtypes[value.name] = _dtype_name(number)
    for tensor in graph.initializer:
        number = tensor.data_type
        dtypes[tensor.name] = _dtype_name(number)
    return dtypes


def _dtype_name(number: int) -> str:
    name: str = onnx.TensorProto.DataType.Name(number).lower()
    if name == "float":  # ONNX calls float32 FLOAT
        return "float32"
    return name


def _integer_nodes(graph: onnx.GraphProto, model: bytes) -> set[str]:
    """Return the nodes that are written as integer operators and run as integer kernels."""
    written = _nodes_between_boundaries(graph)
    if not written:
        return set()
    floats = kernels.float_tensors(model)
    for node in graph.node:
        if floats.intersection(node.output):
            written.discard(node.name)
    return written


def _nodes_between_boundaries(graph: onnx.GraphProto) -> set[str]:
    """Return the nodes between boundaries.

    All of their live inputs come from DequantizeLinear, and all outputs go to QuantizeLinear.
    Indices have no scale: they count as constants.
    """
    constants = {*initializers(graph), *_indices(graph)}
    dequantized: set[str] = set()
    quantized: set[str] = set()
    read_in_float: set[str] = set()
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            dequantized.update(node.output)
        if node.op_type == "QuantizeLinear":
            quantized.update(node.input)
        else:
            read_in_float.update(node.input)
    only_quantized = quantized - read_in_float
    names = set()
    for node in graph.node:
        present = {name for name in node.input if name}
        live = present - constants
        is_dequantized = live <= dequantized
        if is_dequantized and only_quantized.issuperset(node.output):
            names.add(node.name)
    return names


def _indices(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors of whole numbers and truth values."""
    return {name for name, dtype in _dtypes(graph).items() if dtype in INDEX_DTYPES}


def _operator(node: onnx.NodeProto, dtypes: dict[str, str], is_integer: bool) -> Operator:
    kind = node.op_type
    if is_integer:
        return Operator(kind, ("int8",))
    tensors = [*node.input[:1], *node.output]
    live = {dtypes.get(name, "unknown") for name in tensors}
    ordered = sorted(live)
    return Operator(kind, tuple(ordered))


def _tensors(
    end: str, values: Iterable[onnx.ValueInfoProto], properties: dict[str, str]
) -> list[Tensor]:
    descriptions = []
    for value in values:
        tensor_type = value.type.tensor_type
        shape = [dimension.dim_value for dimension in tensor_type.shape.dim]
        descriptions.append((value.name, shape, _dtype_name(tensor_type.elem_type)))
    return scales.describe_tensors(end, descriptions, properties)
