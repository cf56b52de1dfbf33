"""An ML Program in, an ONNX model out: the same operations on the same weights.

Every value keeps its name, so that any one of them can be read.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import onnx
from onnx import TensorProto

from edgebake import plugins
from edgebake.errors import CoverageError, listed
from edgebake.runtimes.coreml.executor.graph_builder import GraphBuilder, carrier
from edgebake.runtimes.coreml.executor.mil import (
    FLOATS,
    Operation,
    UnsupportedError,
    Value,
    ValueType,
)
from edgebake.runtimes.coreml.executor.operation_context import (
    EXACT,
    OPERATORS,
    OperationContext,
    SymbolTable,
)
from edgebake.runtimes.coreml.executor.program import Program

plugins.load_all(
    "edgebake.runtimes.coreml.executor.operators"
)  # each module adds its own to OPERATORS


class Arithmetic(Enum):
    """How the values that a program declares as float16 are computed."""

    float16 = "float16"  # in float32, each operator's result rounded once, as hardware does
    float32 = "float32"  # not rounded at all, and fast


@dataclass(frozen=True)
class UnsupportedOperation:
    """One operation that the executor does not cover, and why."""

    operation: Operation
    reason: str


def supported_operators() -> list[str]:
    """Return the name of every operator that the executor covers, sorted."""
    return sorted(OPERATORS)


def translate(program: Program, arithmetic: Arithmetic, outputs: Sequence[str]) -> onnx.ModelProto:
    """Return the ONNX model; `outputs` names the values of the program that can be read from it.

    Raises:
        CoverageError: naming every operation that is not covered, where it stands, and what is.
    """
    return _Translation(program, arithmetic).model(outputs)


class _Translation:
    def __init__(self, program: Program, arithmetic: Arithmetic) -> None:
        self._program, self._rounds = program, arithmetic is Arithmetic.float16
        self._graph, self._values = GraphBuilder(), SymbolTable(program.constants)
        self._problems: list[UnsupportedOperation] = []
        self._missing: set[str] = set()  # values that a problem left without a tensor
        for value in program.inputs:
            self._add_input(value)
        for operation in program.operations:
            self._add(operation)
        self._refuse()

    def model(self, names: Sequence[str]) -> onnx.ModelProto:
        """Return the ONNX model from which these values can be read."""
        outputs = {}
        for name in dict.fromkeys(names):
            if name in self._program.constants:
                kind, value = self._program.constants[name]
                self._graph.name(self._graph.constant(value, carrier(kind.dtype)), name)
            outputs[name] = carrier(self._values.types[name].dtype)
        return self._graph.model(outputs)

    def _add_input(self, value: Value) -> None:
        try:
            tensor = self._graph.input(value.name, value.type)
        except UnsupportedError as reason:
            self._problems.append(
                UnsupportedOperation(Operation("input", 0, {}, [value]), str(reason))
            )
            self._missing.add(value.name)
            return
        self._values.types[value.name] = value.type
        self._values.tensors[value.name] = self._rounded(tensor, value.type)

    def _add(self, operation: Operation) -> None:
        if any(name in self._missing for names in operation.inputs.values() for name in names):
            self._missing.update(output.name for output in operation.outputs)
            return  # downstream of a problem that is already on the list
        start = len(self._graph.nodes)
        try:
            translator = OPERATORS.get(operation.kind)
            if translator is None:
                raise UnsupportedError("the operator")
            found = translator(OperationContext(operation, self._graph, self._values))
            self._bind(operation, [found] if isinstance(found, str) else found, start)
        except UnsupportedError as reason:
            self._problems.append(UnsupportedOperation(operation, str(reason)))
            self._missing.update(output.name for output in operation.outputs)

    def _bind(self, operation: Operation, tensors: list[str], start: int) -> None:
        for output, tensor in zip(operation.outputs, tensors, strict=True):
            if tensor:  # classify's label and dictionary are no tensors
                kind = self._with_shape(output.type, tensor, start)
                rounded = tensor if operation.kind in EXACT else self._rounded(tensor, kind)
                self._graph.name(rounded, output.name)
                self._values.types[output.name] = kind
                self._values.tensors[output.name] = output.name

    def _with_shape(self, declared: ValueType, tensor: str, start: int) -> ValueType:
        """Return the declared type; sizes that the input decides are filled in with what ONNX infers."""
        if None not in declared.shape:
            return declared
        known = {
            self._values.tensors[name]: kind
            for name, kind in self._values.types.items()
            if name in self._values.tensors
        }
        return ValueType(
            declared.dtype, self._graph.shape_of(tensor, known, start) or declared.shape
        )

    def _rounded(self, tensor: str, kind: ValueType) -> str:
        if not self._rounds or kind.dtype != "float16":
            return tensor
        half = self._graph.add("Cast", tensor, to=TensorProto.FLOAT16)[0]
        return self._graph.add("Cast", half, to=TensorProto.FLOAT)[0]

    def _refuse(self) -> None:
        if self._problems:
            lines = "\n".join(_lines(self._problems, len(self._program.operations)))
            raise CoverageError(
                f"the ML Program executor does not cover:\n{lines}\nit covers: {listed(supported_operators())}"
            )


def _lines(problems: list[UnsupportedOperation], count: int) -> Iterator[str]:
    for problem in problems:
        one = problem.operation
        yield f"  {one.kind}: {problem.reason}, operation {one.position} of {count}, output {one.outputs[0].name!r}"


def float_values(program: Program, dtypes: Collection[str] = FLOATS) -> list[str]:
    """Return the names of all values of some float dtypes that the program computes, in order."""
    outputs = [output for operation in program.operations for output in operation.outputs]
    return [value.name for value in outputs if value.type.dtype in dtypes]
