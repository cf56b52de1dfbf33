"""Count what an .onnx file computes and moves.

QuantizeLinear and DequantizeLinear are parts of the integer kernels that ONNX Runtime makes of them, and what reads
constants alone is done with when the file is loaded: neither is an operator of its own.
"""

import re
from collections.abc import Iterator
from math import prod
from typing import Any

import onnx
from onnx import helper

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
_BITS = {"BOOL": 8, "FLOAT": 32, "DOUBLE": 64, "STRING": 0}  # the others have it in their names

CONVOLUTIONS = ("Conv", "ConvInteger")
PRODUCTS = ("Gemm", "MatMul", "MatMulInteger")
WEIGHTED = (*CONVOLUTIONS, "ConvTranspose", *PRODUCTS)


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the file computes and moves for one image.

    Raises:
        Uncounted: an operator of which nobody said how much it multiplies, or a size that is not known beforehand.
    """
    file = File(files)
    operations = [file.operation(node) for node in file.running()]
    inputs = [
        file.root(value.name) for value in file.graph.input if value.name not in file.constants
    ]
    outputs = [file.root(value.name) for value in file.graph.output]
    return build_workload(operations, file.size, file.constants, (inputs, outputs))


class File:
    """The graph of an .onnx file, in which a value and its integers are one tensor."""

    def __init__(self, files: dict[str, bytes]) -> None:
        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(files[FILE]))
        self.model, self.graph = model, model.graph
        self.types = _types(model.graph)
        self.constants = {item.name for item in model.graph.initializer}
        self.makers = {name: node for node in model.graph.node for name in node.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        self.same: dict[str, str] = {}
        for node in model.graph.node:
            self._follow(node)
        self.floats = (
            kernels.float_tensors(files[FILE])
            if any(_is_boundary(node) for node in self.graph.node)
            else set()
        )

    def running(self) -> Iterator[onnx.NodeProto]:
        """Yield the nodes that run for every image."""
        return (
            node
            for node in self.graph.node
            if not _is_boundary(node) and node.output[0] not in self.constants
        )

    def operation(self, node: onnx.NodeProto) -> OperatorWorkload:
        """Return a node that runs."""
        reads = dict.fromkeys(self.root(name) for name in node.input if name)
        writes = [one for name in node.output if name for one in self._written(name)]
        return OperatorWorkload(
            kind=node.op_type,
            name=node.name or node.output[0],
            dtype="int8" if self.is_integer(node) else self._dtype(node),
            macs=self._macs(node),
            parameters=self._parameters(node),
            reads=tuple(reads),
            writes=tuple(writes),
        )

    def root(self, name: str) -> str:
        """Return the tensor that this one is made of by quantizing, dequantizing or other work on constants alone."""
        while name in self.same:
            name = self.same[name]
        return name

    def size(self, name: str) -> int:
        """Return the bytes of a tensor.

        Raises:
            Uncounted: some size is only known when the file runs.
        """
        dtype, shape = self._type(name)
        found = re.search(r"\d+", dtype)
        return (prod(shape) * (int(found.group()) if found else _BITS[dtype]) + 7) // 8

    def _follow(self, node: onnx.NodeProto) -> None:
        for name in node.input:
            self.readers.setdefault(name, []).append(node)
        if node.input and self.constants.issuperset(filter(None, node.input)):
            self.constants.update(node.output)
            self.same.update(dict.fromkeys(node.output, node.input[0]) if _is_cast(node) else {})
        elif node.op_type == "Constant":
            self.constants.update(node.output)
        elif node.op_type == "DequantizeLinear":
            self.same[node.output[0]] = node.input[0]
        elif node.op_type == "QuantizeLinear" and node.input[0] not in self.makers:
            self.same[node.input[0]] = node.output[
                0
            ]  # the file's input, which the first kernel reads as integers

    def _written(self, name: str) -> Iterator[str]:
        """Yield the tensors in which a node leaves its answer: integers where QuantizeLinear follows."""
        readers = self.readers.get(name, [])
        quantized = [node.output[0] for node in readers if node.op_type == "QuantizeLinear"]
        yield from quantized
        if len(quantized) < len(readers) or not readers:
            yield name

    def is_integer(self, node: onnx.NodeProto) -> bool:
        """Return whether the node stands between QuantizeLinear and DequantizeLinear and runs as an integer kernel."""
        if self._type(node.input[0])[0] in ("INT8", "UINT8"):
            return True
        live = [name for name in node.input if name and name not in self.constants]
        dequantized = all(self._made_by(name) == "DequantizeLinear" for name in live)
        quantized = all(set(self._written(name)) - {name} for name in node.output)
        return (
            bool(live) and dequantized and quantized and not self.floats.intersection(node.output)
        )

    def _made_by(self, name: str) -> str:
        return self.makers[name].op_type if name in self.makers else ""

    def _dtype(self, node: onnx.NodeProto) -> str:
        name = self._type(node.input[0] if node.input else node.output[0])[0].lower()
        return "float32" if name == "float" else name

    def _macs(self, node: onnx.NodeProto) -> int:
        if node.op_type in weightless_operators("onnxruntime"):
            return 0
        if node.op_type not in WEIGHTED:
            raise unknown_macs(node.op_type, WEIGHTED)
        first, weight, answer = (self._type(name)[1] for name in (*node.input[:2], node.output[0]))
        if node.op_type in CONVOLUTIONS:
            return window_macs(answer, weight, weight[0])
        if (
            node.op_type == "ConvTranspose"
        ):  # each number that comes in goes once through every filter
            return window_macs(first, weight, weight[0])
        return product_macs(answer, first[-2 if _words(node).get("transA") else -1])

    def _parameters(self, node: onnx.NodeProto) -> dict[str, int]:
        """Return the weights and biases of a node, or what else it takes from the file."""
        found = [name for name in node.input if name and name in self.constants]
        if node.op_type not in WEIGHTED:
            found = [name for name in found if self._is_weight(name)]
        elif node.op_type.endswith("Integer"):
            found = found[:1] if node.input[1] in found else []
        return {self.root(name): prod(self._type(name)[1]) for name in found}

    def _is_weight(self, name: str) -> bool:
        dtype, shape = self._type(name)
        return dtype not in ("INT32", "INT64", "BOOL") and prod(shape) > 1

    def _type(self, name: str) -> tuple[str, list[int]]:
        found = self.types.get(name)
        if found is None or 0 in found[1]:
            raise Uncounted(f"{name}: its size is only known when the file runs")
        return found


def _types(graph: onnx.GraphProto) -> dict[str, tuple[str, list[int]]]:
    """Return dtype, as ONNX names it, and shape of each tensor; 0: a size that is not known."""
    found = {
        item.name: (_dtype_name(item.data_type), list(item.dims)) for item in graph.initializer
    }
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        found.setdefault(
            value.name, (_dtype_name(kind.elem_type), [one.dim_value for one in kind.shape.dim])
        )
    return found


def _dtype_name(number: int) -> str:
    return str(onnx.TensorProto.DataType.Name(number))


def _is_boundary(node: onnx.NodeProto) -> bool:
    return str(node.op_type) in BOUNDARY


def _is_cast(node: onnx.NodeProto) -> bool:
    return node.op_type in ("Cast", "DequantizeLinear")


def _words(node: onnx.NodeProto) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}
