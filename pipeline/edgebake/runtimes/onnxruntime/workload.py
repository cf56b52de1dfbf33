"""Count what an .onnx file computes and moves.

QuantizeLinear and DequantizeLinear are parts of the integer kernels that ONNX Runtime makes of
them, and nodes that read only constants run once, at load: neither is an operator of its own.
"""

from collections.abc import Iterable, Iterator
from math import prod

import onnx

from edgebake.models.onnx.graph import (
    attribute_values,
    initializers,
    producers_by_tensor,
    readers_by_tensor,
)
from edgebake.runtimes.onnxruntime import FILE, kernels
from edgebake.runtimes.workload import (
    OperatorWorkload,
    Uncounted,
    Workload,
    build_workload,
    dtype_bits,
    packed_bytes,
    product_macs,
    unknown_macs,
    weightless_operators,
    window_macs,
)

BOUNDARY = ("QuantizeLinear", "DequantizeLinear")
CASTS = ("Cast", "DequantizeLinear")
INDEX_DTYPES = ("INT32", "INT64", "BOOL")  # of shapes, indices and masks, never of weights
# Of the dtypes whose names do not contain them.
_BITS = {"BOOL": 8, "FLOAT": 32, "DOUBLE": 64, "STRING": 0}

CONVOLUTIONS = ("Conv", "ConvInteger")
PRODUCTS = ("Gemm", "MatMul", "MatMulInteger")
WEIGHTED = (*CONVOLUTIONS, "ConvTranspose", *PRODUCTS)
INTEGER_WEIGHTED = ("ConvInteger", "MatMulInteger")

UNKNOWN = -1  # a size
TensorType = tuple[str, list[int]]  # dtype as ONNX names it, and shape


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the file computes and moves for one image.

    Raises:
        Uncounted: an operator has unknown multiply-accumulates, or a tensor no fixed size.
    """
    file = OnnxFile(files)
    graph = file.graph
    inputs = []
    for value in graph.input:
        if value.name not in file.constants:
            inputs.append(value.name)
    outputs = [value.name for value in graph.output]
    operations = []
    for node in file.running():
        operation = file.operation(node)
        operations.append(operation)
    input_roots = file.roots(inputs)
    output_roots = file.roots(outputs)
    return build_workload(
        operations,
        size=file.size,
        constants=file.constants,
        inputs_and_outputs=(input_roots, output_roots),
    )


class OnnxFile:
    """The graph of an .onnx file; a real tensor and its integers count as one tensor, its root."""

    def __init__(self, files: dict[str, bytes]) -> None:
        parsed = onnx.load_from_string(files[FILE])
        model = onnx.shape_inference.infer_shapes(parsed)
        graph = model.graph
        self.graph = graph
        self.producers = producers_by_tensor(graph)
        self.readers = readers_by_tensor(graph)
        # Tensors that are stored in the file, and those that are computed from them alone.
        self.constants = set(initializers(graph))
        # Stored tensors without elements, which stand for absent inputs, e.g. of Resize.
        self._empty = {tensor.name for tensor in graph.initializer if 0 in tensor.dims}
        self._types = _tensor_types(graph)
        self._roots: dict[str, str] = {}
        for node in graph.node:
            self._follow(node)
        self._float_tensors: set[str] = set()
        operators = {node.op_type for node in graph.node}
        if operators.intersection(BOUNDARY):
            self._float_tensors = kernels.float_tensors(files[FILE])

    def running(self) -> Iterator[onnx.NodeProto]:
        """Yield the nodes that run for every image."""
        for node in self.graph.node:
            is_constant = node.output[0] in self.constants
            is_boundary = node.op_type in BOUNDARY
            if not is_boundary and not is_constant:
                yield node

    def operation(self, node: onnx.NodeProto) -> OperatorWorkload:
        """Return the workload of a running node."""
        written: list[str] = []
        for name in node.output:
            if name:
                written += self._written(name)
        read = self.roots(node.input)
        distinct_read = dict.fromkeys(read)
        return OperatorWorkload(
            kind=node.op_type,
            name=node.name or node.output[0],
            dtype=self._dtype(node),
            macs=self._macs(node),
            parameters=self._parameters(node),
            reads=tuple(distinct_read),
            writes=tuple(written),
        )

    def root(self, name: str) -> str:
        """Return the tensor from which this one is computed by casts alone."""
        while name in self._roots:
            name = self._roots[name]
        return name

    def roots(self, names: Iterable[str]) -> list[str]:
        """Return the roots of the tensors that are present; an absent one has an empty name."""
        return [self.root(name) for name in names if name]

    def size(self, name: str) -> int:
        """Return the bytes of a tensor.

        Raises:
            Uncounted: its size is known only when the file runs.
        """
        dtype, shape = self._type(name)
        bits = _BITS.get(dtype)
        if bits is None:
            bits = dtype_bits(dtype)
        elements = prod(shape)
        return packed_bytes(elements, bits)

    def is_integer(self, node: onnx.NodeProto) -> bool:
        """Return whether a node runs as an integer kernel.

        It reads integers, or it stands between DequantizeLinear and QuantizeLinear and ONNX Runtime
        has an integer kernel for it.
        """
        first_input = node.input[0]
        first_dtype, _ = self._type(first_input)
        if first_dtype in ("INT8", "UINT8"):
            return True
        live = self._live(node)
        runs_in_float = self._float_tensors.intersection(node.output)
        if not live or runs_in_float:
            return False
        is_dequantized = all(self._is_dequantized(name) for name in live)
        is_quantized = all(self._is_quantized(name) for name in node.output)
        return is_dequantized and is_quantized

    def _follow(self, node: onnx.NodeProto) -> None:
        """Note whether a node computes constants, or only casts a tensor."""
        kind = node.op_type
        outputs = node.output
        if node.input and not self._live(node):
            self.constants.update(outputs)
            if kind in CASTS:
                source = node.input[0]
                self._roots |= dict.fromkeys(outputs, source)
        elif kind == "Constant":
            self.constants.update(outputs)
        elif kind == "DequantizeLinear":
            real = outputs[0]
            self._roots[real] = node.input[0]
        elif kind == "QuantizeLinear":
            real = node.input[0]
            if real not in self.producers:  # the file's input: the first kernel reads integers
                self._roots[real] = outputs[0]

    def _live(self, node: onnx.NodeProto) -> list[str]:
        """Return the inputs of a node that are present and no constants."""
        present = [name for name in node.input if name]
        return [name for name in present if name not in self.constants]

    def _written(self, name: str) -> list[str]:
        """Return the tensors that a node writes for an output, e.g. after QuantizeLinear."""
        readers = self.readers.get(name, [])
        written = []
        for node in readers:
            if node.op_type == "QuantizeLinear":
                written.append(node.output[0])
        has_float_reader = len(written) < len(readers)
        if has_float_reader or not readers:
            written.append(name)
        return written

    def _is_quantized(self, name: str) -> bool:
        readers = self.readers.get(name, [])
        return any(reader.op_type == "QuantizeLinear" for reader in readers)

    def _is_dequantized(self, name: str) -> bool:
        producer = self.producers.get(name)
        if producer is None:
            return False
        return producer.op_type == "DequantizeLinear"

    def _dtype(self, node: onnx.NodeProto) -> str:
        """Return the dtype in which a node computes."""
        if self.is_integer(node):
            return "int8"
        first_tensor = [*node.input, *node.output][0]
        dtype, _ = self._type(first_tensor)
        if dtype == "FLOAT":
            return "float32"
        return dtype.lower()

    def _macs(self, node: onnx.NodeProto) -> int:
        kind = node.op_type
        if kind in weightless_operators("onnxruntime"):
            return 0
        if kind not in WEIGHTED:
            raise unknown_macs(kind, WEIGHTED)
        first_name, weight_name, *_ = node.input
        first = self._shape(first_name)
        weight = self._shape(weight_name)
        output = self._shape(node.output[0])
        filters = weight[0]
        if kind in CONVOLUTIONS:
            return window_macs(output, weight, filters)
        if kind == "ConvTranspose":  # every input element passes through every filter
            return window_macs(first, weight, filters)
        inner = first[-1]
        is_transposed = attribute_values(node).get("transA")
        if is_transposed:
            inner = first[-2]
        return product_macs(output, inner)

    def _parameters(self, node: onnx.NodeProto) -> dict[str, int]:
        """Return the weights and biases of a node, or its other constants of real numbers."""
        constants = []
        for name in node.input:
            if name in self.constants and name not in self._empty:
                constants.append(name)
        if node.op_type not in WEIGHTED:
            constants = [name for name in constants if self._is_weight(name)]
        elif node.op_type in INTEGER_WEIGHTED:  # zero points follow the weights
            weight = node.input[1]
            constants = [name for name in constants if name == weight]
        sizes = {}
        for name in constants:
            root = self.root(name)
            shape = self._shape(name)
            sizes[root] = prod(shape)
        return sizes

    def _is_weight(self, name: str) -> bool:
        dtype, shape = self._type(name)
        if dtype in INDEX_DTYPES:
            return False
        return prod(shape) > 1

    def _shape(self, name: str) -> list[int]:
        _, shape = self._type(name)
        return shape

    def _type(self, name: str) -> TensorType:
        tensor_type = self._types.get(name)
        if tensor_type is None or UNKNOWN in tensor_type[1]:
            raise Uncounted(f"{name}: its size is only known when the file runs")
        return tensor_type


def _tensor_types(graph: onnx.GraphProto) -> dict[str, TensorType]:
    """Return dtype and shape of each tensor; constants may be empty, as the region of a Resize."""
    types: dict[str, TensorType] = {}
    for tensor in graph.initializer:
        dtype = _dtype_name(tensor.data_type)
        shape = list(tensor.dims)
        types[tensor.name] = (dtype, shape)
    values = [*graph.input, *graph.value_info, *graph.output]
    for value in values:
        tensor_type = value.type.tensor_type
        dtype = _dtype_name(tensor_type.elem_type)
        dimensions = tensor_type.shape.dim
        shape = [dimension.dim_value or UNKNOWN for dimension in dimensions]
        types.setdefault(value.name, (dtype, shape))
    return types


def _dtype_name(number: int) -> str:
    return str(onnx.TensorProto.DataType.Name(number))
