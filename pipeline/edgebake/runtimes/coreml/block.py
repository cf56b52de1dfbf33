"""The operations of an ML Program that coremltools holds in memory, as Apple's messages.

Casts aside, a value of a float16 program is one of the float32 program of the same model: coremltools keeps its name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

HALF = "_cast_fp16"  # what coremltools adds to the name of a value that it turns into float16


@dataclass(frozen=True)
class Block:
    """The operations in order, those of constants among them."""

    operations: list[Any]

    @cached_property
    def constants(self) -> dict[str, str]:
        """Return the name of each constant's operation by the constant's value, decompressed ones included."""
        kinds = ("const", "constexpr_")
        return {
            item.outputs[0].name: name_of(item)
            for item in self.operations
            if item.type.startswith(kinds)
        }

    @cached_property
    def _casts(self) -> dict[str, str]:
        return {
            item.outputs[0].name: read_by(item, "x")[0]
            for item in self.operations
            if item.type == "cast"
        }

    def origin(self, value: str) -> str:
        """Return the name that a value has in the float32 program."""
        while value in self._casts:
            value = self._casts[value]
        return value.removesuffix(HALF)

    def computing(self, values: set[str]) -> Iterator[Any]:
        """Yield the operations whose outputs are these values of the float32 program."""
        for item in self.operations:
            if item.type != "cast" and any(
                self.origin(output.name) in values for output in item.outputs
            ):
                yield item

    def constants_of(self, item: Any) -> list[str]:
        """Return the constants that an operation reads, by the names of their operations."""
        return [self.constants[name] for name in read_by(item) if name in self.constants]


def read_block(model: Any) -> Block:
    """Return the operations of a model's main function."""
    function = model.get_spec().mlProgram.functions["main"]
    return Block(list(function.block_specializations[function.opset].operations))


def name_of(item: Any) -> str:
    """Return the name by which coremltools' configurations call an operation."""
    return str(item.attributes["name"].immediateValue.tensor.strings.values[0])


def read_by(item: Any, parameter: str = "") -> list[str]:
    """Return the values that an operation reads, in one of its parameters or in all."""
    arguments = [item.inputs[parameter]] if parameter else item.inputs.values()
    return [
        binding.name for argument in arguments for binding in argument.arguments if binding.name
    ]
