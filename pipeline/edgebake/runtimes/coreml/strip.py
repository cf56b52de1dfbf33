"""Take out of an .mlpackage what says how it was made and by whom, and nothing that it computes with.

Gone are the names of values between input and output and of operations (Keras' names of layers), and the description:
author, license, version, texts and what coremltools says of itself. Left are the names of inputs and outputs, the
labels, with which a classifier answers, and the weights where they lay. An operation keeps a name, its number:
coremltools wants one, and Apple does not say that the compiler does without.

It hides words, no secrets: operations, shapes and weights stay readable to everyone who has the package.
Sources: Model.proto and MIL.proto of coremltools.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from edgebake.runtimes.coreml import package

BUILD = "buildInfo"  # the program's attribute that names versions of tools


def strip(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the package without words; it answers with the same bits."""
    model = package.read(files).specification
    _clear(model.description)
    program = model.mlProgram
    program.docString = ""
    program.attributes.pop(BUILD, None)
    for function in program.functions.values():
        _shorten(function)
    return {**files, package.specification_file(files): model.SerializeToString(deterministic=True)}


def _clear(description: Any) -> None:
    description.ClearField("metadata")
    for one in (description, *description.functions):
        for feature in (*one.input, *one.output, *one.state):
            feature.shortDescription = ""


def _shorten(function: Any) -> None:
    blocks = [
        inner for block in function.block_specializations.values() for inner in _with_inner(block)
    ]
    names = _names(function, blocks)
    numbers = count()
    for block in blocks:
        block.outputs[:] = [names[name] for name in block.outputs]
        for named in (
            *block.inputs,
            *(output for item in block.operations for output in item.outputs),
        ):
            named.name = names[named.name]
        for item in block.operations:
            _rename(item, f"o{next(numbers)}", names)


def _rename(item: Any, name: str, names: dict[str, str]) -> None:
    if "name" in item.attributes:
        item.attributes["name"].immediateValue.tensor.strings.values[:] = [name]
    for argument in item.inputs.values():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "name":
                binding.name = names[binding.name]


def _with_inner(block: Any) -> Iterator[Any]:
    """Yield a block and those of its operations, bodies of loops for one."""
    yield block
    for item in block.operations:
        for inner in item.blocks:
            yield from _with_inner(inner)


def _names(function: Any, blocks: list[Any]) -> dict[str, str]:
    """Return the short name of every value, numbered as they are met; inputs and outputs keep theirs."""
    ends = [value.name for value in function.inputs]
    ends += [name for block in function.block_specializations.values() for name in block.outputs]
    names = {name: name for name in ends}
    fresh = (short for short in map("v{}".format, count()) if short not in ends)
    for block in blocks:
        for named in (
            *block.inputs,
            *(output for item in block.operations for output in item.outputs),
        ):
            if named.name not in names:
                names[named.name] = next(fresh)
    return names
