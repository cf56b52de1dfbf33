"""Count what a .tflite file computes and moves.

Casts of the file's input and output count as part of the file's boundary, and casts of stored
weights to floats as part of loading it: neither is an operator.
"""

from collections.abc import Iterable, Iterator
from math import prod

from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables
from edgebake.models.tflite.tables import DTYPES
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.workload import (
    OperatorWorkload,
    Workload,
    build_workload,
    dtype_bits,
    packed_bytes,
    product_macs,
    unknown_macs,
    weightless_operators,
    window_macs,
)

CASTS = ("QUANTIZE", "DEQUANTIZE")
INDEX_DTYPES = ("int32", "int64", "bool")  # of shapes, indices and masks, never of weights

# Operator that multiplies and accumulates -> index of its weights among the inputs.
WEIGHTED = {
    "CONV_2D": 1,
    "DEPTHWISE_CONV_2D": 1,
    "FULLY_CONNECTED": 1,
    "TRANSPOSE_CONV": 1,
    "BATCH_MATMUL": 1,
}


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the file computes and moves for one image.

    Raises:
        Uncounted: the file has several subgraphs, or an operator with unknown multiply-accumulates.
    """
    file = TfliteFile(files)
    graph = file.graph
    operations = []
    for number in file.running():
        operation = file.operation(number)
        operations.append(operation)
    constants = set()
    for tensor in file.constants:
        name = file.names[tensor]
        constants.add(name)
    inputs = file.root_names(graph.inputs)
    outputs = file.root_names(graph.outputs)
    return build_workload(
        operations,
        size=file.sizes.__getitem__,
        constants=constants,
        inputs_and_outputs=(inputs, outputs),
    )


class TfliteFile:
    """The only subgraph of a .tflite file; tensors and operators are identified by index."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.model = tables.parse_tables(files[FILE])
        subgraphs = self.model.subgraphs
        if len(subgraphs) > 1:
            raise unknown_macs("a file of several subgraphs", WEIGHTED)
        self.graph: schema.SubGraphT = subgraphs[0]
        self.names: dict[int, str] = {}
        self._stored: set[int] = set()
        for index, tensor in enumerate(self.graph.tensors):
            name = tensor.name.decode()
            self.names[index] = f"{index} {name}"
            if self._stored_bytes(index) > 0:
                self._stored.add(index)
        # Tensors that are stored in the file, and those that are computed from them alone.
        self.constants = set(self._stored)
        # Tensor that a cast writes -> the tensor that stands for both.
        self._roots: dict[int, int] = {}
        for operator in self.graph.operators:
            self._follow(operator)
        self.sizes: dict[str, int] = {}
        for index, name in self.names.items():
            self.sizes[name] = self._size(index)

    def running(self) -> Iterator[int]:
        """Yield the indices of the operators that run for every image."""
        for number, operator in enumerate(self.graph.operators):
            is_constant = operator.outputs[0] in self.constants
            if not is_constant and not self._is_boundary(operator):
                yield number

    def kind(self, number: int) -> str:
        """Return the name of an operator's kind, of a custom operator its own name."""
        operator = self.graph.operators[number]
        return self._kind(operator)

    def operation(self, number: int) -> OperatorWorkload:
        """Return the workload of a running operator."""
        operator = self.graph.operators[number]
        kind = self._kind(operator)
        inputs = _present(operator.inputs)
        outputs = operator.outputs
        return OperatorWorkload(
            kind=kind,
            name=self.names[outputs[0]],
            dtype=self._dtype(operator),
            macs=self._macs(kind, operator),
            parameters=self._parameters(kind, operator),
            reads=self.root_names(inputs),
            writes=self.root_names(outputs),
        )

    def root(self, tensor: int) -> int:
        """Return the tensor from which this one is computed by casts alone."""
        while tensor in self._roots:
            tensor = self._roots[tensor]
        return tensor

    def root_names(self, tensors: Iterable[int]) -> tuple[str, ...]:
        """Return the names of the roots of tensors."""
        names = []
        for tensor in tensors:
            root = self.root(tensor)
            names.append(self.names[root])
        return tuple(names)

    def shape(self, tensor: int) -> list[int]:
        """Return the shape of a tensor."""
        shape = self.graph.tensors[tensor].shape
        if shape is None:
            return []
        return [int(size) for size in shape]

    def _kind(self, operator: schema.OperatorT) -> str:
        code = self.model.operatorCodes[operator.opcodeIndex]
        return tables.operator_kind(code)

    def _tensor_dtype(self, tensor: int) -> str:
        number = self.graph.tensors[tensor].type
        return DTYPES[number]

    def _live(self, tensors: Iterable[int]) -> list[int]:
        """Return the tensors that are present and no constants."""
        present = _present(tensors)
        return [tensor for tensor in present if tensor not in self.constants]

    def _follow(self, operator: schema.OperatorT) -> None:
        """Note whether an operator computes a constant, or only casts a tensor."""
        source = operator.inputs[0]
        output = operator.outputs[0]
        if not self._live(operator.inputs):
            self.constants.add(output)
            if self._kind(operator) in CASTS:
                self._roots[output] = source
        elif self._is_boundary(operator):
            # The integer tensor stands for both: the first layer reads it, or the last writes it.
            if source in self.graph.inputs:
                self._roots[source] = output
            else:
                self._roots[output] = source

    def _is_boundary(self, operator: schema.OperatorT) -> bool:
        """Return whether an operator only casts the file's input or its output."""
        first_input = operator.inputs[0]
        first_output = operator.outputs[0]
        reads_input = first_input in self.graph.inputs
        writes_output = first_output in self.graph.outputs
        if not reads_input and not writes_output:
            return False
        return self._kind(operator) in CASTS

    def _dtype(self, operator: schema.OperatorT) -> str:
        """Return the dtype in which an operator computes."""
        live = self._live(operator.inputs)
        if live:
            return self._tensor_dtype(live[0])
        output = operator.outputs[0]
        return self._tensor_dtype(output)

    def _macs(self, kind: str, operator: schema.OperatorT) -> int:
        if kind in weightless_operators("litert"):
            return 0
        if kind not in WEIGHTED:
            raise unknown_macs(kind, WEIGHTED)
        inputs = operator.inputs
        output = self.shape(operator.outputs[0])
        weight_index = WEIGHTED[kind]
        weight = self.shape(inputs[weight_index])
        if kind == "TRANSPOSE_CONV":  # every element of the input passes through every filter
            image = self.shape(inputs[2])
            filters = weight[3]
            return window_macs(image, weight, filters)
        if kind == "BATCH_MATMUL":
            inner = weight[-2]
            if operator.builtinOptions.adjY:  # transposed
                inner = weight[-1]
            return product_macs(output, inner)
        if kind == "FULLY_CONNECTED":
            return product_macs(output, weight[1])
        filters = weight[3]
        if kind == "CONV_2D":
            filters = weight[0]
        return window_macs(output, weight, filters)

    def _parameters(self, kind: str, operator: schema.OperatorT) -> dict[str, int]:
        """Return the weights and biases of an operator, or its other constants of real numbers."""
        inputs = operator.inputs
        constants = [tensor for tensor in inputs if tensor in self.constants]
        if kind not in WEIGHTED:
            constants = [tensor for tensor in constants if self._is_weight(tensor)]
        elif kind == "TRANSPOSE_CONV":
            output_shape = inputs[0]
            constants = [tensor for tensor in constants if tensor != output_shape]
        sizes = {}
        for tensor in constants:
            root = self.root(tensor)
            name = self.names[root]
            shape = self.shape(tensor)
            sizes[name] = prod(shape)
        return sizes

    def _is_weight(self, tensor: int) -> bool:
        root = self.root(tensor)
        if self._tensor_dtype(root) in INDEX_DTYPES:
            return False
        return prod(self.shape(tensor)) > 1

    def _stored_bytes(self, tensor: int) -> int:
        buffer = self.graph.tensors[tensor].buffer
        data = self.model.buffers[buffer].data
        if data is None:
            return 0
        return len(data)

    def _size(self, tensor: int) -> int:
        """Return the bytes of a tensor."""
        if tensor in self._stored:
            return self._stored_bytes(tensor)
        shape = self.shape(tensor)
        dtype = self._tensor_dtype(tensor)
        elements = prod(shape)
        return packed_bytes(elements, dtype_bits(dtype))


def _present(tensors: Iterable[int]) -> list[int]:
    """Return the tensors without the negative indices of absent optional ones."""
    return [tensor for tensor in tensors if tensor >= 0]
