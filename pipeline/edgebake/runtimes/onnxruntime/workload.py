"""Count what an .onnx file computes and moves.

QuantizeLinear and DequantizeLinear are parts of the integer kernels that ONNX Runtime makes of
them, and nodes that read only constants run once, at load: neither is an operator of its own.
"""

import re
from collections.abc import Iterable, Iterator
from math import prod

import onnx

from edgebake.models.onnx.graph import attribute_values, initializers
from edgebake.runtimes.onnxruntime import FILE, kernels
from edgebake.runtimes.workload import (
    OperatorWorkload,
    Uncounted,
    Workload,
    build_workload,
    product_macs,
    unknown_macs,
    weightless_operators,
    window_macs,
)

BOUNDARY = ("QuantizeLinear", "DequantizeLinear")
CASTS = ("Cast", "DequantizeLinear")
INDEX_DTYPES = ("INT32", "INT64", "BOOL")  # of shapes, indices and masks, never of weights
BYTE_BITS = 8
_BITS = {"BOOL": 8, "FLOAT": 32, "DOUBLE": 64, "STRING": 0}  # the other names contain the width

CONVOLUTIONS = ("Conv", "ConvInteger")
PRODUCTS = ("Gemm", "MatMul", "MatMulInteger")
WEIGHTED = (*CONVOLUTIONS, "ConvTranspose", *PRODUCTS)

TensorType = tuple[str, list[int]]  # dtype as ONNX names it, and shape


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the file computes and moves for one image.

    Raises:
        Uncounted: an operator has unknown multiply-accumulates, or a tensor no fixed size.
    """
    file = OnnxFile(files)
    inputs = [value.name for value in file.graph.input if value.name not in file.constants]
    outputs = [value.name for value in file.graph.output]
    return build_workload(
        operations=[file.operation(node) for node in file.running()],
        size=file.size,
        constants=file.constants,
        inputs_and_outputs=(file.roots(inputs), file.roots(outputs)),
    )


class OnnxFile:
    """The graph of an .onnx file; a real tensor and its integers count as one tensor, its root."""

    def __init__(self, files: dict[str, bytes]) -> None:
        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(files[FILE]))
        self.graph = model.graph
        # Tensors that are stored in the file, and those that are computed from them alone.
        self.constants = set(initializers(self.graph))
        self.producers: dict[str, onnx.NodeProto] = {}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            self.producers |= dict.fromkeys(node.output, node)
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self._types = _tensor_types(self.graph)
        self._roots: dict[str, str] = {}
        for node in self.graph.node:
            self._follow(node)
        self._float_tensors: set[str] = set()
        if any(node.op_type in BOUNDARY for node in self.graph.node):
            self._float_tensors = kernels.float_tensors(files[FILE])

    def running(self) -> Iterator[onnx.NodeProto]:
        """Yield the nodes that run for every image."""
        for node in self.graph.node:
            if node.op_type not in BOUNDARY and node.output[0] not in self.constants:
                yield node

    def operation(self, node: onnx.NodeProto) -> OperatorWorkload:
        """Return the workload of a running node."""
        written: list[str] = []
        for name in node.output:
            if name:
                written += self._written(name)
        return OperatorWorkload(
            kind=node.op_type,
            name=node.name or node.output[0],
            dtype=self._dtype(node),
            macs=self._macs(node),
            parameters=self._parameters(node),
            reads=tuple(dict.fromkeys(self.roots(node.input))),
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
        width = re.search(r"\d+", dtype)
        bits = int(width.group()) if width else _BITS[dtype]
        return (prod(shape) * bits + BYTE_BITS - 1) // BYTE_BITS

    def is_integer(self, node: onnx.NodeProto) -> bool:
        """Return whether a node runs as an integer kernel.

        It reads integers, or it stands between DequantizeLinear and QuantizeLinear and ONNX Runtime
        has an integer kernel for it.
        """
        first_dtype, _ = self._type(node.input[0])
        if first_dtype in ("INT8", "UINT8"):
            return True
        live = self._live(node)
        is_dequantized = all(self._is_dequantized(name) for name in live)
        is_quantized = all(set(self._written(name)) - {name} for name in node.output)
        runs_in_float = bool(self._float_tensors.intersection(node.output))
        return bool(live) and is_dequantized and is_quantized and not runs_in_float

    def _follow(self, node: onnx.NodeProto) -> None:
        """Note whether a node computes constants, or only casts a tensor."""
        if node.input and not self._live(node):
            self.constants.update(node.output)
            if node.op_type in CASTS:
                self._roots |= dict.fromkeys(node.output, node.input[0])
        elif node.op_type == "Constant":
            self.constants.update(node.output)
        elif node.op_type == "DequantizeLinear":
            self._roots[node.output[0]] = node.input[0]
        elif node.op_type == "QuantizeLinear" and node.input[0] not in self.producers:
            # The file's input, which the first kernel reads as integers.
            self._roots[node.input[0]] = node.output[0]

    def _live(self, node: onnx.NodeProto) -> list[str]:
        """Return the inputs of a node that are present and no constants."""
        return [name for name in node.input if name and name not in self.constants]

    def _written(self, name: str) -> list[str]:
        """Return the tensors that a node writes for an output, e.g. after QuantizeLinear."""
        readers = self.readers.get(name, [])
        written = [node.output[0] for node in readers if node.op_type == "QuantizeLinear"]
        if len(written) < len(readers) or not readers:
            written.append(name)
        return written

    def _is_dequantized(self, name: str) -> bool:
        return name in self.producers and self.producers[name].op_type == "DequantizeLinear"

    def _dtype(self, node: onnx.NodeProto) -> str:
        """Return the dtype in which a node computes."""
        if self.is_integer(node):
            return "int8"
        dtype, _ = self._type(node.input[0] if node.input else node.output[0])
        if dtype == "FLOAT":
            return "float32"
        return dtype.lower()

    def _macs(self, node: onnx.NodeProto) -> int:
        if node.op_type in weightless_operators("onnxruntime"):
            return 0
        if node.op_type not in WEIGHTED:
            raise unknown_macs(node.op_type, WEIGHTED)
        first, weight = self._shape(node.input[0]), self._shape(node.input[1])
        output = self._shape(node.output[0])
        if node.op_type in CONVOLUTIONS:
            return window_macs(output, weight, weight[0])
        if node.op_type == "ConvTranspose":  # every input element passes through every filter
            return window_macs(first, weight, weight[0])
        inner_axis = -2 if attribute_values(node).get("transA") else -1
        return product_macs(output, first[inner_axis])

    def _parameters(self, node: onnx.NodeProto) -> dict[str, int]:
        """Return the weights and biases of a node, or its other constants of real numbers."""
        constants = [name for name in node.input if name and name in self.constants]
        if node.op_type not in WEIGHTED:
            constants = [name for name in constants if self._is_weight(name)]
        elif node.op_type.endswith("Integer"):  # zero points follow the weights
            constants = constants[:1] if node.input[1] in constants else []
        return {self.root(name): prod(self._shape(name)) for name in constants}

    def _is_weight(self, name: str) -> bool:
        dtype, shape = self._type(name)
        return dtype not in INDEX_DTYPES and prod(shape) > 1

    def _shape(self, name: str) -> list[int]:
        _, shape = self._type(name)
        return shape

    def _type(self, name: str) -> TensorType:
        tensor_type = self._types.get(name)
        if tensor_type is None or 0 in tensor_type[1]:
            raise Uncounted(f"{name}: its size is only known when the file runs")
        return tensor_type


def _tensor_types(graph: onnx.GraphProto) -> dict[str, TensorType]:
    """Return dtype and shape of each tensor; a size of 0 is not known."""
    types: dict[str, TensorType] = {}
    for tensor in graph.initializer:
        types[tensor.name] = (_dtype_name(tensor.data_type), list(tensor.dims))
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor_type = value.type.tensor_type
        shape = [dimension.dim_value for dimension in tensor_type.shape.dim]
        types.setdefault(value.name, (_dtype_name(tensor_type.elem_type), shape))
    return types


def _dtype_name(number: int) -> str:
    return str(onnx.TensorProto.DataType.Name(number))
