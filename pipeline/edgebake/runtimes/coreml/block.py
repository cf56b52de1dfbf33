"""The operations of an ML Program in memory, as Apple's protobuf messages.

Casts aside, the values of a float16 program are those of the float32 program of the same model, and
coremltools keeps their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coremltools.models import MLModel
    from coremltools.proto.MIL_pb2 import Operation as OperationMessage

FLOAT16_SUFFIX = "_cast_fp16"  # of the name of a value that coremltools converts to float16
CONSTANTS = ("const", "constexpr_")  # prefixes of the types of operations that yield constants


@dataclass(frozen=True)
class Block:
    """The operations in order, including those of constants."""

    operations: list[OperationMessage]

    @cached_property
    def constants(self) -> dict[str, str]:
        """Return the name of each constant's operation by the name of the constant."""
        constants = {}
        for operation in self.operations:
            if operation.type.startswith(CONSTANTS):
                constant = operation.outputs[0].name
                constants[constant] = name_of(operation)
        return constants

    @cached_property
    def _casts(self) -> dict[str, str]:
        """Return the name of the value before each cast, by the name of the value after it."""
        casts = {}
        for operation in self.operations:
            if operation.type == "cast":
                (source,) = input_names(operation, "x")
                output = operation.outputs[0].name
                casts[output] = source
        return casts

    def origin(self, value: str) -> str:
        """Return the name of a value in the float32 program."""
        while value in self._casts:
            value = self._casts[value]
        return value.removesuffix(FLOAT16_SUFFIX)

    def computing(self, values: set[str]) -> Iterator[OperationMessage]:
        """Yield the operations that compute any of these values of the float32 program."""
        for operation in self.operations:
            if operation.type == "cast":
                continue
            origins = {self.origin(output.name) for output in operation.outputs}
            if origins & values:
                yield operation

    def constants_of(self, operation: OperationMessage) -> list[str]:
        """Return the names of the operations of the constants that an operation reads."""
        names = input_names(operation)
        return [self.constants[name] for name in names if name in self.constants]


def read_block(model: MLModel) -> Block:
    """Return the operations of a model's main function."""
    function = model.get_spec().mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    return Block(list(block.operations))


def name_of(operation: OperationMessage) -> str:
    """Return the name of an operation in coremltools' configurations."""
    name = operation.attributes["name"].immediateValue
    texts = name.tensor.strings.values
    return str(texts[0])


def input_names(operation: OperationMessage, parameter: str = "") -> list[str]:
    """Return the names of the values that an operation reads, in one parameter or in all."""
    arguments = operation.inputs.values()
    if parameter:
        arguments = [operation.inputs[parameter]]
    names: list[str] = []
    for argument in arguments:
        for binding in argument.arguments:
            if binding.name:
                names.append(binding.name)
    return names
