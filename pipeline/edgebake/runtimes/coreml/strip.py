"""Remove names, texts and metadata from an .mlpackage, and nothing that it computes with.

Removed are the names of intermediate values and of operations (Keras' names of layers), and the
description: author, license, version, texts and coremltools' own entries. Kept are the names of
inputs and outputs, the labels, which a classifier returns, and the weights at their offsets. An
operation is named by a number, since coremltools requires a name, and Apple does not document that
the compiler does not.

This hides texts, no secrets: operations, shapes and weights stay readable to everyone who has the
package. Sources: Model.proto and MIL.proto of coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING

from edgebake.runtimes.coreml import package

if TYPE_CHECKING:
    from coremltools.proto.MIL_pb2 import Block, Function, NamedValueType, Operation
    from coremltools.proto.Model_pb2 import ModelDescription

BUILD_INFO = "buildInfo"  # attribute of the program with the versions of tools


def strip(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the package without texts; its outputs are bit-identical."""
    model = package.read(files).specification
    _clear_texts(model.description)
    program = model.mlProgram
    program.docString = ""
    program.attributes.pop(BUILD_INFO, None)
    for function in program.functions.values():
        _shorten_names(function)
    serialized = model.SerializeToString(deterministic=True)
    specification = package.specification_file(files)
    return {**files, specification: serialized}


def _clear_texts(description: ModelDescription) -> None:
    description.ClearField("metadata")
    for function in (description, *description.functions):
        for feature in (*function.input, *function.output, *function.state):
            feature.shortDescription = ""


def _shorten_names(function: Function) -> None:
    """Number the values and operations of a function."""
    blocks: list[Block] = []
    for block in function.block_specializations.values():
        blocks += _with_inner_blocks(block)
    names = _short_names(function, blocks)
    numbers = count()
    for block in blocks:
        block.outputs[:] = [names[name] for name in block.outputs]
        for value in _values(block):
            value.name = names[value.name]
        for operation in block.operations:
            number = next(numbers)
            _rename(operation, f"o{number}", names)


def _rename(operation: Operation, name: str, names: Mapping[str, str]) -> None:
    if "name" in operation.attributes:
        attribute = operation.attributes["name"].immediateValue
        attribute.tensor.strings.values[:] = [name]
    for argument in operation.inputs.values():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "name":
                binding.name = names[binding.name]


def _with_inner_blocks(block: Block) -> Iterator[Block]:
    """Yield a block and those inside its operations, e.g. bodies of loops."""
    yield block
    for operation in block.operations:
        for inner in operation.blocks:
            yield from _with_inner_blocks(inner)


def _values(block: Block) -> Iterator[NamedValueType]:
    """Yield the inputs of a block and the outputs of its operations."""
    yield from block.inputs
    for operation in block.operations:
        yield from operation.outputs


def _short_names(function: Function, blocks: list[Block]) -> dict[str, str]:
    """Return the short name of every value; inputs and outputs of the function keep theirs."""
    fixed = [value.name for value in function.inputs]
    for block in function.block_specializations.values():
        fixed += block.outputs
    names = {name: name for name in fixed}
    numbers = count()
    for block in blocks:
        for value in _values(block):
            if value.name not in names:
                names[value.name] = _next_name(numbers, fixed)
    return names


def _next_name(numbers: Iterator[int], taken: list[str]) -> str:
    while (name := f"v{next(numbers)}") in taken:
        pass
    return name
