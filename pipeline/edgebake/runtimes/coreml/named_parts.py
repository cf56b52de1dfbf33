"""Split an .mlpackage into named parts, so that two packages can be compared part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgebake.runtimes.coreml import FILE, package
from edgebake.runtimes.coreml.block import CONSTANTS
from edgebake.runtimes.coreml.executor.constants import read_blob
from edgebake.runtimes.coreml.package import Package

if TYPE_CHECKING:
    from coremltools.proto.MIL_pb2 import Function, Operation, Value
    from coremltools.proto.Model_pb2 import ModelDescription
    from google.protobuf.message import Message

NamedPart = tuple[str, bytes]
NO_READER = "none"


def named_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the contents of each part; packages of equal parts may still differ in their layout.

    Raises:
        ValueError: the package contains no ML Program.
    """
    contents = package.read(files)
    model = contents.specification
    version = str(model.specificationVersion)
    parts = [("specification version", version.encode())]
    parts += _description_parts(model.description)
    functions = model.mlProgram.functions
    for name, function in sorted(functions.items()):
        for part, data in _function_parts(function, contents):
            parts.append((f"{name} {part}", data))
    specification = package.specification_file(files)
    for path, data in sorted(files.items()):
        is_weights = "/weights/" in path
        if path != specification and not is_weights:
            name = path.removeprefix(f"{FILE}/")
            parts.append((name, data))
    return dict(parts)


def _description_parts(description: ModelDescription) -> Iterator[NamedPart]:
    metadata = description.metadata
    for feature in description.input:
        yield f"input {feature.name!r}", _serialized(feature)
    for feature in description.output:
        yield f"output {feature.name!r}", _serialized(feature)
    for key, text in sorted(metadata.userDefined.items()):
        yield f"metadata {key}", text.encode()
    for field, value in metadata.ListFields():
        if field.name != "userDefined":
            yield f"metadata {field.name}", _serialized(value)
    for field, value in description.ListFields():
        if field.name not in ("input", "output", "metadata"):
            yield f"description {field.name}", _serialized(value)


def _function_parts(function: Function, contents: Package) -> Iterator[NamedPart]:
    blocks = function.block_specializations
    for opset, block in sorted(blocks.items()):
        yield f"{opset} outputs", _serialized(block.outputs)
        yield from _operation_parts(block.operations, contents)
    inputs = type(function)()
    inputs.CopyFrom(function)
    inputs.ClearField("block_specializations")
    yield "inputs", _serialized(inputs)


def _operation_parts(operations: Sequence[Operation], contents: Package) -> Iterator[NamedPart]:
    readers = _readers(operations)
    for number, operation in enumerate(operations):
        label = _label(operation)
        message = _without_offsets(operation)
        yield f"operation {number} {label}", _serialized(message)
        weights = b""
        for value in _blob_values(operation):
            weights += read_blob(value.blobFileValue, contents.weights)
        if weights:
            output = operation.outputs[0].name
            reader = readers.get(output, NO_READER)
            yield f"weights {output!r} of {reader}", weights


def _readers(operations: Sequence[Operation]) -> dict[str, str]:
    """Return, for every value, the label of the first operation that computes with it.

    Operations that only produce constants are passed over.
    """
    readers: dict[str, str] = {}
    for operation in reversed(operations):
        label = _label(operation)
        if operation.type.startswith(CONSTANTS):
            output = operation.outputs[0].name
            label = readers.get(output, NO_READER)
        for argument in operation.inputs.values():
            for binding in argument.arguments:
                if binding.name:
                    readers[binding.name] = label
    return readers


def _label(operation: Operation) -> str:
    kind = str(operation.type)
    if not operation.outputs:
        return kind
    output = operation.outputs[0].name
    return f"{kind} {output!r}"


def _blob_values(operation: Operation) -> list[Value]:
    """Return the values of an operation that are stored in the weight file."""
    values = []
    for parameter in sorted(operation.inputs):  # the order of the map differs between processes
        arguments = operation.inputs[parameter].arguments
        values += [binding.value for binding in arguments]
    for key in sorted(operation.attributes):
        attribute = operation.attributes[key]
        values.append(attribute)
    return [value for value in values if value.WhichOneof("value") == "blobFileValue"]


def _without_offsets(operation: Operation) -> Operation:
    """Return an operation without the offsets of its weights.

    A longer weight in front of them would change all of them.
    """
    copy = type(operation)()
    copy.CopyFrom(operation)
    for value in _blob_values(copy):
        value.blobFileValue.offset = 0
    return copy


def _serialized(value: Message | object) -> bytes:
    if not hasattr(value, "SerializeToString"):
        return repr(value).encode()
    serialized: bytes = value.SerializeToString(deterministic=True)
    return serialized
