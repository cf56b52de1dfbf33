"""Translate an ML Program to an ONNX model: the same operations on the same weights.

Every value keeps its name, so that any of them can be read.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import onnx
from onnx import TensorProto

from edgebake import plugins
from edgebake.errors import CoverageError, listed
from edgebake.runtimes.coreml.executor.graph_builder import GraphBuilder, onnx_type_of
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import (
    FLOATS,
    Operation,
    UnsupportedError,
    Value,
    ValueType,
)
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, SymbolTable
from edgebake.runtimes.coreml.executor.program import Program
from edgebake.runtimes.coreml.executor.registry import EXACT_OPERATORS, TRANSLATORS

# Importing the modules registers their translators.
plugins.load_all("edgebake.runtimes.coreml.executor.operators")


class Arithmetic(Enum):
    """Precision of the values that a program declares as float16."""

    # Each operator is computed in float32 and its result rounded once, as hardware does.
    float16 = "float16"
    # Nothing is rounded, which is faster.
    float32 = "float32"


@dataclass(frozen=True)
class UnsupportedOperation:
    """One operation that the executor does not support, and the reason."""

    operation: Operation
    reason: str


def supported_operators() -> list[str]:
    """Return the names of the operators that the executor supports, sorted."""
    return sorted(TRANSLATORS)


def translate(program: Program, arithmetic: Arithmetic, outputs: Sequence[str]) -> onnx.ModelProto:
    """Translate a program to an ONNX model whose outputs are the named values of the program.

    Raises:
        CoverageError: an operation is not supported. The message lists all of these, with their
            positions, and the supported operators.
    """
    return _Translation(program, arithmetic).build_model(outputs)


class _Translation:
    def __init__(self, program: Program, arithmetic: Arithmetic) -> None:
        self._program = program
        self._rounds_float16 = arithmetic is Arithmetic.float16
        self._graph = GraphBuilder()
        self._symbols = SymbolTable(program.constants)
        self._unsupported: list[UnsupportedOperation] = []
        self._untranslated: set[str] = set()  # values that have no tensor for that reason
        for value in program.inputs:
            self._add_input(value)
        for operation in program.operations:
            self._add_operation(operation)
        self._refuse_unsupported()

    def build_model(self, names: Sequence[str]) -> onnx.ModelProto:
        """Return an ONNX model whose outputs are the named values."""
        outputs = {}
        for name in dict.fromkeys(names):
            value_type = self._symbols.types[name]
            onnx_type = onnx_type_of(value_type.dtype)
            if name in self._program.constants:
                _, value = self._program.constants[name]
                tensor = self._graph.add_constant(value, onnx_type)
                self._graph.add_alias(tensor, name)
            outputs[name] = onnx_type
        return self._graph.build_model(outputs)

    def _add_input(self, value: Value) -> None:
        try:
            tensor = self._graph.add_input(value.name, value.type)
        except UnsupportedError as error:
            operation = Operation("input", 0, {}, [value])
            self._refuse(operation, error)
            return
        self._symbols.types[value.name] = value.type
        self._symbols.tensors[value.name] = self._round(tensor, value.type)

    def _add_operation(self, operation: Operation) -> None:
        if self._reads_untranslated(operation):
            # The operation that causes it is on the list already.
            self._untranslated.update(output.name for output in operation.outputs)
            return
        first_node = len(self._graph.nodes)
        try:
            tensors = self._translate(operation)
            self._bind_outputs(operation, tensors, first_node)
        except UnsupportedError as error:
            self._refuse(operation, error)

    def _refuse(self, operation: Operation, error: UnsupportedError) -> None:
        """Note that an operation is not supported, and that its outputs have no tensor."""
        unsupported = UnsupportedOperation(operation, str(error))
        self._unsupported.append(unsupported)
        self._untranslated.update(output.name for output in operation.outputs)

    def _reads_untranslated(self, operation: Operation) -> bool:
        names: list[str] = []
        for parameter_names in operation.inputs.values():
            names += parameter_names
        return not self._untranslated.isdisjoint(names)

    def _translate(self, operation: Operation) -> Sequence[GraphTensor | None]:
        if operation.kind not in TRANSLATORS:
            raise UnsupportedError("the operator")
        translator = TRANSLATORS[operation.kind]
        context = OperationContext(operation, self._graph, self._symbols)
        result = translator(context)
        if isinstance(result, GraphTensor):
            return [result]
        return result

    def _bind_outputs(
        self, operation: Operation, tensors: Sequence[GraphTensor | None], first_node: int
    ) -> None:
        """Give the tensors the names of the operation's outputs."""
        for output, tensor in zip(operation.outputs, tensors, strict=True):
            if tensor is None:
                continue
            output_type = self._with_inferred_shape(output.type, tensor.name, first_node)
            name = tensor.name
            if operation.kind not in EXACT_OPERATORS:
                name = self._round(name, output_type)
            self._graph.add_alias(name, output.name)
            self._symbols.types[output.name] = output_type
            self._symbols.tensors[output.name] = output.name

    def _with_inferred_shape(self, declared: ValueType, tensor: str, first_node: int) -> ValueType:
        """Replace a shape that depends on the input by the one that ONNX infers."""
        if None not in declared.shape:
            return declared
        known_types = {}
        for name, tensor_name in self._symbols.tensors.items():
            known_types[tensor_name] = self._symbols.types[name]
        inferred = self._graph.infer_shape(tensor, known_types, first_node)
        return ValueType(declared.dtype, inferred or declared.shape)

    def _round(self, tensor: str, value_type: ValueType) -> str:
        if not self._rounds_float16 or value_type.dtype != "float16":
            return tensor
        (half,) = self._graph.add_node("Cast", tensor, to=TensorProto.FLOAT16)
        (rounded,) = self._graph.add_node("Cast", half, to=TensorProto.FLOAT)
        return rounded

    def _refuse_unsupported(self) -> None:
        if not self._unsupported:
            return
        count = len(self._program.operations)
        lines = "\n".join(_error_lines(self._unsupported, count))
        supported = listed(supported_operators())
        raise CoverageError(
            f"the ML Program executor does not cover:\n{lines}\nit covers: {supported}"
        )


def _error_lines(unsupported: list[UnsupportedOperation], count: int) -> Iterator[str]:
    for item in unsupported:
        operation = item.operation
        position = f"operation {operation.position} of {count}"
        output = operation.outputs[0].name
        yield f"  {operation.kind}: {item.reason}, {position}, output {output!r}"


def float_values(program: Program, dtypes: Collection[str] = FLOATS) -> list[str]:
    """Return the names of the values of these dtypes that the program computes, in order."""
    names = []
    for operation in program.operations:
        names += [value.name for value in operation.outputs if value.type.dtype in dtypes]
    return names
