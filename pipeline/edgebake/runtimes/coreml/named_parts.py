"""Cut an .mlpackage into parts with names, so that two packages can be compared part by part."""

from collections.abc import Iterator
from typing import Any

from edgebake.runtimes.coreml import FILE, package
from edgebake.runtimes.coreml.executor.constants import read_blob
from edgebake.runtimes.coreml.package import Package

Part = tuple[str, bytes]
CONSTANTS = ("const", "constexpr_")  # how operations begin that hold weights for others


def named_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the content of each part; two packages with equal parts may still differ in how they are laid out.

    Raises:
        ValueError: it holds no ML Program.
    """
    read = package.read(files)
    known = package.specification_file(files)
    found = [*_specification(read.specification)]
    for name, function in sorted(read.specification.mlProgram.functions.items()):
        found += [(f"{name} {part}", data) for part, data in _function(function, read)]
    for path, data in sorted(files.items()):
        if path != known and "/weights/" not in path:
            found.append((path.removeprefix(f"{FILE}/"), data))
    return dict(found)


def _specification(model: Any) -> Iterator[Part]:
    description = model.description
    yield "specification version", str(model.specificationVersion).encode()
    for kind, features in (("input", description.input), ("output", description.output)):
        yield from ((f"{kind} {feature.name!r}", _content(feature)) for feature in features)
    for key, value in sorted(description.metadata.userDefined.items()):
        yield f"metadata {key}", value.encode()
    for field, value in description.metadata.ListFields():
        if field.name != "userDefined":
            yield f"metadata {field.name}", _content(value)
    for field, value in description.ListFields():
        if field.name not in ("input", "output", "metadata"):
            yield f"description {field.name}", _content(value)


def _function(function: Any, read: Package) -> Iterator[Part]:
    for opset, block in sorted(function.block_specializations.items()):
        yield f"{opset} outputs", _content(block.outputs)
        readers = _readers(block.operations)
        for number, item in enumerate(block.operations):
            yield f"operation {number} {_named(item)}", _content(_without_places(item))
            weights = b"".join(
                read_blob(value.blobFileValue, read.weights) for value in _blobs(item)
            )
            if weights:
                yield (
                    f"weights {item.outputs[0].name!r} of {readers.get(item.outputs[0].name, 'none')}",
                    weights,
                )
    rest = type(function)()
    rest.CopyFrom(function)
    rest.ClearField("block_specializations")
    yield "inputs", _content(rest)


def _readers(operations: Any) -> dict[str, str]:
    """Return, for every value, the first operation that computes with it, constants between them aside."""
    found: dict[str, str] = {}
    for item in reversed(operations):
        reader = _named(item)
        if item.type.startswith(CONSTANTS):
            reader = found.get(item.outputs[0].name, "none")
        for argument in item.inputs.values():
            found |= {binding.name: reader for binding in argument.arguments if binding.name}
    return found


def _named(item: Any) -> str:
    return f"{item.type} {item.outputs[0].name!r}" if item.outputs else str(item.type)


def _blobs(item: Any) -> list[Any]:
    """Return the values that an operation has in the file of weights."""
    bound = [binding.value for argument in item.inputs.values() for binding in argument.arguments]
    values = [*bound, *(item.attributes[key] for key in sorted(item.attributes))]
    return [value for value in values if value.WhichOneof("value") == "blobFileValue"]


def _without_places(item: Any) -> Any:
    """Return an operation that says nothing of where its weights lie: a longer one before them would move them all."""
    copy = type(item)()
    copy.CopyFrom(item)
    for value in _blobs(copy):
        value.blobFileValue.offset = 0
    return copy


def _content(value: Any) -> bytes:
    found: bytes = (
        value.SerializeToString(deterministic=True)
        if hasattr(value, "ListFields")
        else repr(value).encode()
    )
    return found
