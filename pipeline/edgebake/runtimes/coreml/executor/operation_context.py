"""What the function of an operator is given: one operation of the program, and the ONNX graph to write it into."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.graph_builder import GraphBuilder, carrier
from edgebake.runtimes.coreml.executor.mil import Operation, UnsupportedError, ValueType
from edgebake.runtimes.coreml.executor.program import Constants

Translator: TypeAlias = "Callable[[OperationContext], str | list[str]]"
OPERATORS: dict[str, Translator] = {}  # filled by the modules of operators/
EXACT: set[str] = set()


def operator(translator: Translator, name: str = "") -> Translator:
    """Let a function write the operator of its name, or of the given one."""
    OPERATORS[name or translator.__name__] = translator
    return translator


def exact(translator: Translator, name: str = "") -> Translator:
    """Do the same for one that only moves values or chooses among them: nothing in its result is left to round."""
    EXACT.add(name or translator.__name__)
    return operator(translator, name)


def alike(kind: str) -> Translator:
    """Return the function of an operator that ONNX has under another name, on any number."""
    return lambda call: call.emit(kind, call.tensor("x"))


class SymbolTable:
    """What is known of every value of the program so far: its type and the ONNX tensor that carries it."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.types: dict[str, ValueType] = {name: kind for name, (kind, _) in constants.items()}
        self.tensors: dict[str, str] = {}


class OperationContext:
    """One operation; parameters are asked for by the names that coremltools' documentation gives them."""

    def __init__(self, operation: Operation, graph: GraphBuilder, values: SymbolTable) -> None:
        self._operation, self._graph, self._values = operation, graph, values

    def has(self, parameter: str) -> bool:
        """Return whether the operation gives a parameter."""
        return parameter in self._operation.inputs

    def emit(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an ONNX node with one output and return its name."""
        return self._graph.add(kind, *inputs, **attributes)[0]

    def emit_many(self, count: int, kind: str, *inputs: str, **attributes: Any) -> list[str]:
        """Add an ONNX node with `count` outputs and return their names."""
        return self._graph.add(kind, *inputs, outputs=count, **attributes)

    # Parameters as tensors

    def tensor(self, parameter: str) -> str:
        """Return the ONNX tensor of a parameter."""
        return self._tensor(self._operation.inputs[parameter][0])

    def tensors(self, parameter: str) -> list[str]:
        """Return the ONNX tensors of a parameter that takes several values."""
        return [self._tensor(name) for name in self._operation.inputs[parameter]]

    def real(self, parameter: str) -> str:
        """Return the ONNX tensor of a parameter as float32."""
        tensor = self.tensor(parameter)
        return (
            tensor
            if self.carrier(parameter) == TensorProto.FLOAT
            else self.cast(tensor, TensorProto.FLOAT)
        )

    def optional(self, *parameters: str) -> list[str]:
        """Return the ONNX tensors of those parameters that the operation gives."""
        return [self.tensor(parameter) for parameter in parameters if self.has(parameter)]

    def _tensor(self, name: str) -> str:
        tensors = self._values.tensors
        if name not in tensors:
            kind, value = self._values.constants[name]
            tensors[name] = self._graph.constant(value, carrier(kind.dtype))
        return tensors[name]

    # Parameters as values

    def constant(self, parameter: str, default: Any = None) -> NDArray[Any]:
        """Return the value of a parameter, or the default that Apple's documentation names.

        Raises:
            Uncovered: it is computed from an input of the program.
        """
        if not self.has(parameter):
            if default is None:
                raise UnsupportedError(f"no {parameter}")
            return np.asarray(default)
        name = self._operation.inputs[parameter][0]
        if name in self._values.constants:
            return self._values.constants[name][1]
        return self._graph.evaluated(self._tensor(name))

    def integer(self, parameter: str, default: int | None = None) -> int:
        """Return an integer parameter."""
        return int(self.constant(parameter, default).item())

    def integers(self, parameter: str, default: Sequence[int] | None = None) -> list[int]:
        """Return a parameter that lists integers."""
        return [int(item) for item in np.atleast_1d(self.constant(parameter, default))]

    def number(self, parameter: str, default: float | None = None) -> float:
        """Return a float parameter."""
        return float(self.constant(parameter, default).item())

    def flag(self, parameter: str, default: bool = False) -> bool:
        """Return a bool parameter."""
        return bool(self.constant(parameter, default).item())

    def text(self, parameter: str, default: str) -> str:
        """Return a string parameter."""
        return str(self.constant(parameter, default).item())

    # Types

    def dtype(self, parameter: str) -> str:
        """Return a parameter's dtype, `float16` for one."""
        return self._type(parameter).dtype

    def carrier(self, parameter: str) -> int:
        """Return the ONNX type that carries a parameter."""
        return carrier(self.dtype(parameter))

    def shape(self, parameter: str) -> tuple[int, ...]:
        """Return a parameter's shape."""
        return self._type(parameter).sizes

    def shapes(self, parameter: str) -> list[tuple[int, ...]]:
        """Return the shapes of a parameter that takes several values."""
        return [self._values.types[name].sizes for name in self._operation.inputs[parameter]]

    def rank(self, parameter: str) -> int:
        """Return how many dimensions a parameter has."""
        return len(self._type(parameter).shape)

    def output_shape(self, index: int = 0) -> tuple[int, ...]:
        """Return the shape that the program declares for an output."""
        return self._operation.outputs[index].type.sizes

    def output_count(self) -> int:
        """Return how many outputs the operation has."""
        return len(self._operation.outputs)

    def output_sizes(self, axis: int) -> list[int]:
        """Return the size that the program declares along one axis, for each output."""
        sizes = ValueType(
            "", tuple(output.type.shape[axis] for output in self._operation.outputs)
        ).sizes
        return list(sizes)

    def is_declared(self) -> bool:
        """Return whether the program knows the first output's whole shape before it runs."""
        return None not in self._operation.outputs[0].type.shape

    def output_dtype(self) -> str:
        """Return the dtype of the first output."""
        return self._operation.outputs[0].type.dtype

    def output_carrier(self) -> int:
        """Return the ONNX type that carries the first output."""
        return carrier(self.output_dtype())

    def _type(self, parameter: str) -> ValueType:
        return self._values.types[self._operation.inputs[parameter][0]]

    # What many operators write

    def literal(self, value: Any, carried: int = TensorProto.FLOAT) -> str:
        """Add a constant of the operator's own."""
        return self._graph.constant(np.asarray(value), carried)

    def indices(self, values: Sequence[int] | NDArray[Any]) -> str:
        """Add a constant list of int64, as ONNX wants shapes, axes and indices."""
        return self.literal(np.atleast_1d(np.asarray(values, np.int64)), TensorProto.INT64)

    def cast(self, tensor: str, carried: int) -> str:
        """Return a tensor in another ONNX type."""
        return self.emit("Cast", tensor, to=carried)

    def reshape(self, tensor: str, shape: Sequence[int]) -> str:
        """Return a tensor in another shape."""
        return self.emit("Reshape", tensor, self.indices(list(shape)))

    def transpose(self, tensor: str, order: Sequence[int]) -> str:
        """Return a tensor with its axes in another order."""
        return self.emit("Transpose", tensor, perm=[int(axis) for axis in order])

    def as_declared(self, real: str) -> str:
        """Return a float32 tensor in the carrier of the declared output."""
        wanted = self.output_carrier()
        return real if wanted == TensorProto.FLOAT else self.cast(real, wanted)
