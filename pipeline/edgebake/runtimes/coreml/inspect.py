"""Read inputs, outputs, operators and dtypes out of an .mlpackage."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.executor import channel_count
from edgebake.runtimes.coreml.executor.mil import Operation
from edgebake.runtimes.coreml.executor.program import Program, read_program
from edgebake.runtimes.session import Inspection, Operator, Tensor

BOUNDARY = ("quantize", "dequantize")
# Elements of the smallest weight that coremltools compresses. Source: should_use_weight_file, coremltools 9.
SMALLEST = 10
# Weights that are stored as something else than numbers of some dtype.
STORED_AS = {
    "constexpr_lut_to_dense": "palette",
    "constexpr_lut_to_sparse": "palette",
    "constexpr_sparse_to_dense": "sparse",
}


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return what the package holds."""
    read = package.read(files)
    program = read_program(read)
    dtypes = [kind.dtype for kind, _ in program.constants.values()]
    dtypes += [
        output.type.dtype for operation in program.operations for output in operation.outputs
    ]
    return Inspection(
        input=_input(read.specification.description.input[0]),
        output=_output(read.specification.description),
        operators=list(_operators(program)),
        tensors=dict(Counter([*dtypes, *_storage(program)])),
        boundaries=dict(Counter(one.kind for one in program.operations if one.kind in BOUNDARY)),
    )


def _operators(program: Program) -> Iterator[Operator]:
    makers = {output.name: one.kind for one in program.operations for output in one.outputs}
    floats = _float_weights(program)
    for operation in program.operations:
        if operation.kind not in BOUNDARY:
            yield Operator(operation.kind, _dtypes(operation, makers, floats))


def _dtypes(operation: Operation, makers: dict[str, str], floats: set[str]) -> tuple[str, ...]:
    """Return what an operator computes on: int8 where all that it reads comes from `dequantize`, weights aside."""
    live = [makers[name] for names in operation.inputs.values() for name in names if name in makers]
    if (
        live
        and set(live) == {"dequantize"}
        and not floats.intersection(operation.inputs.get("weight", []))
    ):
        return ("int8",)
    return tuple(sorted({output.type.dtype for output in operation.outputs}))


def _float_weights(program: Program) -> set[str]:
    """Return the constants that are stored as floats, less those that are too small to be stored as anything else."""
    decompressed = {output.name for operation in program.compressed for output in operation.outputs}
    return {
        name for name, (_, value) in program.constants.items() if value.size >= SMALLEST
    } - decompressed


def _storage(program: Program) -> Iterator[str]:
    return (
        STORED_AS[operation.kind] for operation in program.compressed if operation.kind in STORED_AS
    )


def _input(feature: Any) -> Tensor:
    image = feature.type.imageType
    shape = [1, image.height, image.width, channel_count(image.colorSpace)]
    return Tensor(name=feature.name, shape=shape, dtype="image", layout="NHWC")


def _output(description: Any) -> Tensor:
    name = description.predictedProbabilitiesName
    return Tensor(name=name, shape=[1], dtype="dictionary of label to probability", layout="NC")
