"""ML Programs made by hand out of Apple's messages, small enough to know every output.

A parameter is the name of a value (str), several names (tuple), or a constant: a number, a list of
numbers, an array, or a result of `constant`, `text` or `labels`.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml import FILE, package, schema
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.translation import Arithmetic

Array: TypeAlias = NDArray[Any]
Typed: TypeAlias = tuple[
    str, tuple[int | None, ...]
]  # dtype and shape; None: the input decides that size
BITS = {"int4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6}
FIELDS = {
    "bool": "bools",
    "float32": "floats",
    "float64": "doubles",
    "int64": "longInts",
    "string": "strings",
}
FIELDS |= dict.fromkeys(("int16", "int32", "uint16"), "ints")  # all others are written as bytes
WEIGHTS = "@model_path/weights/weight.bin"
ALIGNMENT = 64
OPSET = "CoreML7"


@dataclass(frozen=True)
class Constant:
    """A constant: in an operation `const`, `inline`, or in the `file` of weights."""

    value: Array
    dtype: str
    stored_in: str = "const"


Argument: TypeAlias = (
    "str | bool | int | float | list[Any] | tuple[Argument, ...] | Array | Constant"
)


@dataclass(frozen=True)
class Image:
    """An input that takes pictures."""

    colors: str  # as FeatureTypes.proto names them: GRAYSCALE, RGB or BGR
    height: int
    width: int
    flexible: bool = False  # then height and width are the sizes that it has by default

    @property
    def typed(self) -> Typed:
        sizes = (None, None) if self.flexible else (self.height, self.width)
        return "float32", (1, 1 if self.colors.startswith("GRAY") else 3, *sizes)


@dataclass(frozen=True)
class Op:
    """One operation; weights that iOS 16 compressed stand in its attributes."""

    kind: str
    inputs: Mapping[str, Argument]
    outputs: Mapping[str, Typed]
    attributes: Mapping[str, Argument] = field(default_factory=dict)


def op(kind: str, inputs: Mapping[str, Argument], **outputs: Typed) -> Op:
    return Op(kind, inputs, outputs)


def compressed(kind: str, attributes: Mapping[str, Argument], **outputs: Typed) -> Op:
    """Return an operator that decompresses weights in the form of iOS 16."""
    return Op(kind, {}, outputs, attributes)


def real(*shape: int | None) -> Typed:
    return "float32", shape


def half(*shape: int | None) -> Typed:
    return "float16", shape


def whole(*shape: int | None) -> Typed:
    return "int32", shape


def text(word: str) -> Constant:
    return Constant(np.array(word, object), "string")


def labels(words: Sequence[str | int]) -> Constant:
    """Return the list of a classifier's labels."""
    return Constant(np.array(words, object), "list")


def constant(value: Any, dtype: str = "", stored_in: str = "const") -> Constant:
    """Return a constant; numbers without a dtype of their own are float32, int32 or bool."""
    array = np.asarray(value)
    usual = {"float64": "float32", "int64": "int32"}.get(array.dtype.name, array.dtype.name)
    return Constant(
        array, dtype or (array.dtype.name if isinstance(value, np.ndarray) else usual), stored_in
    )


def files(
    inputs: Mapping[str, Typed | Image],
    operations: Sequence[Op],
    outputs: Sequence[str],
    defaults: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, bytes]:
    """Return the files of an .mlpackage; `defaults` are the default shapes of flexible inputs."""
    model, blob = schema.load_module("Model_pb2").Model(specificationVersion=8), Blob()
    for name, given in inputs.items():
        _describe(model.description.input.add(name=name), given, (defaults or {}).get(name))
    for name in outputs:
        model.description.output.add(name=name).type.multiArrayType.SetInParent()
    if any(operation.kind == "classify" for operation in operations):
        model.description.predictedFeatureName, model.description.predictedProbabilitiesName = (
            outputs
        )
    model.mlProgram.version = 1
    function = model.mlProgram.functions["main"]
    function.opset = OPSET
    for name, given in inputs.items():
        _named(function.inputs.add(), name, given.typed if isinstance(given, Image) else given)
    block = function.block_specializations[OPSET]
    block.outputs.extend(outputs)
    for operation in operations:
        _write(block.operations, operation, blob)
    return _package(model.SerializeToString(), bytes(blob.content))


def answers(
    content: dict[str, bytes],
    fed: Mapping[str, Any],
    arithmetic: Arithmetic = Arithmetic.float32,
    shapes: Mapping[str, Sequence[int]] | None = None,
    extra_outputs: Sequence[str] = (),
) -> dict[str, Array]:
    """Return what the executor answers."""
    executor = Executor(
        package.read(content), arithmetic, shapes=shapes, extra_outputs=extra_outputs
    )
    return executor.predict({name: np.asarray(value) for name, value in fed.items()})


class Blob:
    """A file of weights: 64 bytes of header, then each entry with its metadata, aligned to 64."""

    def __init__(self) -> None:
        self.content = bytearray(ALIGNMENT)
        self.count = 0

    def add(self, content: bytes) -> int:
        """Add an entry and return its offset."""
        offset, start = len(self.content), len(self.content) + ALIGNMENT
        self.content += struct.pack("<IIQQQ32x", 0xDEADBEEF, 1, len(content), start, 0)
        self.content += content + bytes(-len(content) % ALIGNMENT)
        self.count += 1
        self.content[:8] = struct.pack("<II", self.count, 2)
        return offset


def packed(value: Array, dtype: str) -> bytes:
    """Return numbers as bytes; those below 8 bits are packed from the lowest bit up."""
    if dtype not in BITS:
        return value.astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    bits = BITS[dtype]
    line = "".join(format(int(number) % 2**bits, f"0{bits}b")[::-1] for number in value.reshape(-1))
    return bytes(int(line[start : start + 8][::-1], 2) for start in range(0, len(line), 8))


def _write(block: Any, one: Op, blob: Blob) -> None:
    """Add an operation, after operations for the constants that it reads by name."""
    bindings = [
        (parameter, _binding(block, f"{next(iter(one.outputs))}_{parameter}_{number}", given, blob))
        for parameter, several in one.inputs.items()
        for number, given in enumerate(several if isinstance(several, tuple) else (several,))
    ]
    message = block.add(type=one.kind)
    for parameter, binding in bindings:
        message.inputs[parameter].arguments.append(binding)
    for parameter, given in one.attributes.items():
        message.attributes[parameter].CopyFrom(value_message(_constant(given), blob))
    message.attributes["name"].CopyFrom(value_message(text(one.kind), blob))
    for name, typed in one.outputs.items():
        _named(message.outputs.add(), name, typed)


def _constant(given: Argument) -> Constant:
    return given if isinstance(given, Constant) else constant(given)


def _binding(block: Any, name: str, given: Argument, blob: Blob) -> Any:
    binding = schema.load_module("MIL_pb2").Argument.Binding()
    if isinstance(given, str):
        binding.name = given
        return binding
    entry = _constant(given)
    if entry.stored_in == "inline":
        binding.value.CopyFrom(value_message(entry, blob))
        return binding
    binding.name = name
    message = block.add(type="const")
    message.attributes["name"].CopyFrom(value_message(text(name), blob))
    message.attributes["val"].CopyFrom(value_message(entry, blob))
    output = message.outputs.add(name=name)
    output.type.CopyFrom(message.attributes["val"].type)
    return binding


def value_message(one: Constant, blob: Blob) -> Any:
    """Return a Value message."""
    value = schema.load_module("MIL_pb2").Value()
    if one.dtype == "list":
        items = [constant(item) if isinstance(item, int) else text(str(item)) for item in one.value]
        items = [Constant(item.value, "int64") if item.dtype == "int32" else item for item in items]
        value.immediateValue.list.values.extend(value_message(item, blob) for item in items)
        type_message(value.type.listType.type, (items[0].dtype, ()))
        value.type.listType.length.constant.size = len(items)
        return value
    type_message(value.type, (one.dtype, one.value.shape))
    if one.stored_in == "file":
        value.blobFileValue.fileName = WEIGHTS
        value.blobFileValue.offset = blob.add(packed(one.value, one.dtype))
        return value
    tensor = value.immediateValue.tensor
    if one.dtype in FIELDS:
        content = getattr(tensor, FIELDS[one.dtype])
        content.SetInParent()
        content.values.extend(one.value.reshape(-1).tolist())
    else:
        tensor.bytes.values = packed(one.value, one.dtype)
    return value


def type_message(message: Any, typed: Typed) -> None:
    """Fill in a ValueType message."""
    dtype, shape = typed
    if dtype == "dictionary":
        message.dictionaryType.SetInParent()
        return
    tensor = message.tensorType
    tensor.dataType, tensor.rank = (
        schema.load_module("MIL_pb2").DataType.Value(dtype.upper()),
        len(shape),
    )
    for size in shape:
        dimension = tensor.dimensions.add()
        if size is None:
            dimension.unknown.variadic = False
        else:
            dimension.constant.size = size


def _named(message: Any, name: str, typed: Typed) -> None:
    message.name = name
    type_message(message.type, typed)


def _describe(feature: Any, given: Typed | Image, default: Sequence[int] | None) -> None:
    types = schema.load_module("FeatureTypes_pb2")
    if isinstance(given, Image):
        image = feature.type.imageType
        image.height, image.width = given.height, given.width
        image.colorSpace = types.ImageFeatureType.ColorSpace.Value(given.colors)
        return
    array = feature.type.multiArrayType
    array.shape.extend(default or [size for size in given[1] if size is not None])
    array.dataType = (
        types.ArrayFeatureType.INT32 if given[0] == "int32" else types.ArrayFeatureType.FLOAT32
    )


def _package(model: bytes, weights: bytes) -> dict[str, bytes]:
    item = {
        "author": "com.apple.CoreML",
        "name": "model.mlmodel",
        "path": "com.apple.CoreML/model.mlmodel",
    }
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {"1": item},
        "rootModelIdentifier": "1",
    }
    return {
        f"{FILE}/Manifest.json": json.dumps(manifest).encode(),
        f"{FILE}/Data/com.apple.CoreML/model.mlmodel": model,
        f"{FILE}/Data/com.apple.CoreML/weights/weight.bin": weights,
    }
