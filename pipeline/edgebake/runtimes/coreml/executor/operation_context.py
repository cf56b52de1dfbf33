"""Give the translator of an operator access to its operation and to the ONNX graph."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from edgebake.runtimes.coreml.executor.graph_builder import (
    FLOAT,
    INT64,
    Attribute,
    GraphBuilder,
    onnx_type_of,
)
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor, Operand, add_nodes
from edgebake.runtimes.coreml.executor.mil import Array, Operation, UnsupportedError, ValueType
from edgebake.runtimes.coreml.executor.program import Constants


class SymbolTable:
    """Types, constants and ONNX tensors of the program's values, by name."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.types: dict[str, ValueType] = {}
        for name, (value_type, _) in constants.items():
            self.types[name] = value_type
        self.tensors: dict[str, str] = {}  # name of the value -> name of its tensor


class OperationContext:
    """One operation and the graph to translate it into.

    Parameters have the names that coremltools' documentation gives them.
    """

    def __init__(self, operation: Operation, graph: GraphBuilder, symbols: SymbolTable) -> None:
        self._operation = operation
        self._graph = graph
        self._symbols = symbols

    # Nodes

    def emit(self, kind: str, *operands: Operand, **attributes: Attribute) -> GraphTensor:
        """Add an ONNX node with one output."""
        (tensor,) = add_nodes(self._graph, kind, operands, 1, **attributes)
        return tensor

    def emit_many(
        self, count: int, kind: str, *operands: Operand, **attributes: Attribute
    ) -> list[GraphTensor]:
        """Add an ONNX node with `count` outputs."""
        return add_nodes(self._graph, kind, operands, count, **attributes)

    def literal(self, value: ArrayLike, onnx_type: int = FLOAT) -> GraphTensor:
        """Add a constant of the shape of `value`."""
        array = np.asarray(value)
        name = self._graph.add_constant(array, onnx_type)
        return GraphTensor(name, self._graph)

    def int64(self, values: ArrayLike) -> GraphTensor:
        """Add an int64 constant [count], the form in which ONNX takes shapes, axes and indices."""
        array = np.asarray(values, np.int64)
        vector = np.atleast_1d(array)
        return self.literal(vector, INT64)

    def cast(self, tensor: GraphTensor, onnx_type: int) -> GraphTensor:
        """Convert a tensor to another ONNX element type."""
        return self.emit("Cast", tensor, to=onnx_type)

    def cast_to_output(self, tensor: GraphTensor) -> GraphTensor:
        """Convert a float32 tensor to the ONNX element type of the first output."""
        onnx_type = self.output_onnx_type()
        if onnx_type == FLOAT:
            return tensor
        return self.cast(tensor, onnx_type)

    def reshape(self, tensor: GraphTensor, shape: Sequence[int]) -> GraphTensor:
        """Reshape a tensor."""
        sizes = self.int64(list(shape))
        return self.emit("Reshape", tensor, sizes)

    def clip(self, tensor: GraphTensor, minimum: Operand, maximum: Operand) -> GraphTensor:
        """Limit a tensor to a range."""
        return self.emit("Clip", tensor, minimum, maximum)

    def concat(self, tensors: Sequence[GraphTensor], axis: int) -> GraphTensor:
        """Join tensors along an axis."""
        return self.emit("Concat", *tensors, axis=axis)

    def gather(
        self, tensor: GraphTensor, indices: GraphTensor | ArrayLike, axis: int
    ) -> GraphTensor:
        """Select slices of a tensor along an axis; indices that are an array may have any shape."""
        if not isinstance(indices, GraphTensor):
            indices = self.int64(indices)
        return self.emit("Gather", tensor, indices, axis=axis)

    def slice(
        self,
        tensor: GraphTensor,
        begin: Sequence[int],
        end: Sequence[int],
        axes: Sequence[int],
        strides: Sequence[int] | None = None,
    ) -> GraphTensor:
        """Slice a tensor along axes."""
        bounds = [self.int64(begin)]
        bounds.append(self.int64(end))
        bounds.append(self.int64(axes))
        if strides is not None:
            bounds.append(self.int64(strides))
        return self.emit("Slice", tensor, *bounds)

    def where(self, condition: GraphTensor, first: Operand, second: Operand) -> GraphTensor:
        """Select values of the first operand where a bool tensor is true, else of the second."""
        return self.emit("Where", condition, first, second)

    def transpose(self, tensor: GraphTensor, order: Sequence[int]) -> GraphTensor:
        """Permute the axes of a tensor."""
        permutation = [int(axis) for axis in order]
        return self.emit("Transpose", tensor, perm=permutation)

    def swap_last_axes(self, tensor: GraphTensor, rank: int) -> GraphTensor:
        """Transpose the matrices in the last two axes of a tensor."""
        outer_axes = range(rank - 2)
        row_axis = rank - 2
        column_axis = rank - 1
        order = [*outer_axes, column_axis, row_axis]
        return self.transpose(tensor, order)

    def unsqueeze(self, tensor: GraphTensor, axis: int) -> GraphTensor:
        """Insert an axis of size 1."""
        axes = self.int64(axis)
        return self.emit("Unsqueeze", tensor, axes)

    # Parameters as tensors

    def has(self, parameter: str) -> bool:
        """Return whether the operation has a parameter."""
        return parameter in self._operation.inputs

    def tensor(self, parameter: str) -> GraphTensor:
        """Return a parameter's tensor."""
        name = self._operation.inputs[parameter][0]
        return self._tensor(name)

    @property
    def x(self) -> GraphTensor:
        """Return the tensor of the parameter x, which most operators have."""
        return self.tensor("x")

    def tensors(self, parameter: str) -> list[GraphTensor]:
        """Return the tensors of a parameter that takes several values."""
        names = self._operation.inputs[parameter]
        return [self._tensor(name) for name in names]

    def float_tensor(self, parameter: str) -> GraphTensor:
        """Return a parameter's tensor, converted to float32 if it is no float."""
        tensor = self.tensor(parameter)
        if self.onnx_type(parameter) == FLOAT:
            return tensor
        return self.cast(tensor, FLOAT)

    def optional(self, parameter: str) -> GraphTensor | None:
        """Return a parameter's tensor; None if the operation does not have the parameter."""
        if self.has(parameter):
            return self.tensor(parameter)
        return None

    def _tensor(self, name: str) -> GraphTensor:
        tensors = self._symbols.tensors
        if name not in tensors:
            value_type, value = self._symbols.constants[name]
            onnx_type = onnx_type_of(value_type.dtype)
            tensors[name] = self._graph.add_constant(value, onnx_type)
        return GraphTensor(tensors[name], self._graph)

    # Parameters as values

    def constant(self, parameter: str, default: ArrayLike | None = None) -> Array:
        """Return a parameter's value in the shape of its type.

        `default` is the one that Apple's documentation gives.

        Raises:
            UnsupportedError: the value depends on an input of the program.
        """
        if not self.has(parameter):
            if default is None:
                raise UnsupportedError(f"no {parameter}")
            return np.asarray(default)
        name = self._operation.inputs[parameter][0]
        constants = self._symbols.constants
        if name in constants:
            _, value = constants[name]
            return value
        tensor = self._tensor(name)
        return self._graph.evaluate(tensor.name)

    def integer(self, parameter: str, default: int | None = None) -> int:
        """Return an integer parameter."""
        value = self.constant(parameter, default)
        return int(value.item())

    def integers(self, parameter: str, default: Sequence[int] | None = None) -> list[int]:
        """Return a parameter that is a list of integers."""
        values = self.constant(parameter, default)
        vector = np.atleast_1d(values)
        return [int(value) for value in vector]

    def number(self, parameter: str, default: float | None = None) -> float:
        """Return a float parameter."""
        value = self.constant(parameter, default)
        return float(value.item())

    def flag(self, parameter: str, default: bool = False) -> bool:
        """Return a bool parameter."""
        value = self.constant(parameter, default)
        return bool(value.item())

    def text(self, parameter: str, default: str) -> str:
        """Return a string parameter."""
        value = self.constant(parameter, default)
        return str(value.item())

    # Types

    def onnx_type(self, parameter: str) -> int:
        """Return the ONNX element type of a parameter's tensor."""
        value_type = self._type(parameter)
        return onnx_type_of(value_type.dtype)

    def shape(self, parameter: str) -> tuple[int, ...]:
        """Return a parameter's shape."""
        value_type = self._type(parameter)
        return value_type.static_shape

    def shapes(self, parameter: str) -> list[tuple[int, ...]]:
        """Return the shapes of a parameter that takes several values."""
        names = self._operation.inputs[parameter]
        types = [self._symbols.types[name] for name in names]
        return [value_type.static_shape for value_type in types]

    def rank(self, parameter: str) -> int:
        """Return a parameter's number of dimensions."""
        value_type = self._type(parameter)
        return len(value_type.shape)

    def output_count(self) -> int:
        """Return the number of outputs."""
        return len(self._operation.outputs)

    def output_shape(self) -> tuple[int, ...]:
        """Return the shape that the program declares for the first output."""
        return self._output_type().static_shape

    def has_static_output(self) -> bool:
        """Return whether the shape of the first output depends on no input."""
        return None not in self._output_type().shape

    def output_sizes(self, axis: int) -> list[int]:
        """Return the size that the program declares for each output along one axis."""
        types = [output.type for output in self._operation.outputs]
        sizes = [value_type.shape[axis] for value_type in types]
        static_sizes = ValueType("", tuple(sizes)).static_shape
        return list(static_sizes)

    def output_dtype(self) -> str:
        """Return the MIL dtype of the first output."""
        return self._output_type().dtype

    def output_onnx_type(self) -> int:
        """Return the ONNX element type of the first output's tensor."""
        dtype = self.output_dtype()
        return onnx_type_of(dtype)

    def _output_type(self) -> ValueType:
        output, *_ = self._operation.outputs
        return output.type

    def _type(self, parameter: str) -> ValueType:
        name = self._operation.inputs[parameter][0]
        return self._symbols.types[name]
