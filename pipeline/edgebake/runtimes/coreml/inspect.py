"""Read inputs, outputs, operators and dtypes of an .mlpackage."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edgebake.runtimes.coreml import package, picture, schema
from edgebake.runtimes.coreml.executor.executor import channel_count
from edgebake.runtimes.coreml.executor.mil import Operation
from edgebake.runtimes.coreml.executor.program import Program, read_program
from edgebake.runtimes.session import (
    IMAGE,
    Inspection,
    Operator,
    Tensor,
    input_layout,
    output_layout,
)

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import FeatureDescription, ModelDescription

BOUNDARY = ("quantize", "dequantize")
# Elements of the smallest weight that coremltools compresses. Source: should_use_weight_file,
# coremltools 9.
SMALLEST = 10
# Operation that decompresses a weight -> form in which the weight is stored, if not by dtype.
STORED_AS = {
    "constexpr_lut_to_dense": "palette",
    "constexpr_lut_to_sparse": "palette",
    "constexpr_sparse_to_dense": "sparse",
}


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return inputs, outputs, operators and dtypes of the package."""
    contents = package.read(files)
    description = contents.specification.description
    program = read_program(contents)
    boundaries: Counter[str] = Counter()
    for operation in program.operations:
        if operation.kind in BOUNDARY:
            boundaries[operation.kind] += 1
    tensors = _tensor_counts(program)
    return Inspection(
        inputs=[_input(feature) for feature in description.input],
        outputs=_outputs(description),
        operators=_operators(program),
        tensors=dict(tensors),
        boundaries=dict(boundaries),
    )


def _tensor_counts(program: Program) -> Counter[str]:
    """Count tensors by dtype, and compressed weights by their form."""
    counts: Counter[str] = Counter()
    for value_type, _ in program.constants.values():
        counts[value_type.dtype] += 1
    for operation in program.operations:
        for output in operation.outputs:
            counts[output.type.dtype] += 1
    for operation in program.compressed:
        if operation.kind in STORED_AS:
            form = STORED_AS[operation.kind]
            counts[form] += 1
    return counts


def _operators(program: Program) -> list[Operator]:
    producers: dict[str, str] = {}
    for operation in program.operations:
        for output in operation.outputs:
            producers[output.name] = operation.kind
    float_weights = _float_weights(program)
    operators = []
    for operation in program.operations:
        if operation.kind not in BOUNDARY:
            dtypes = _dtypes(operation, producers, float_weights)
            operator = Operator(operation.kind, dtypes)
            operators.append(operator)
    return operators


def _dtypes(
    operation: Operation, producers: dict[str, str], float_weights: set[str]
) -> tuple[str, ...]:
    """Return the dtypes in which an operator computes.

    It computes in int8 if its weights are integers and all else comes from `dequantize`.
    """
    sources = set()
    for names in operation.inputs.values():
        for name in names:
            if name in producers:
                sources.add(producers[name])
    weights = operation.inputs.get("weight", [])
    has_float_weights = float_weights.intersection(weights)
    if sources == {"dequantize"} and not has_float_weights:
        return ("int8",)
    dtypes = {output.type.dtype for output in operation.outputs}
    return tuple(sorted(dtypes))


def _float_weights(program: Program) -> set[str]:
    """Return the constants that are stored as floats though they are large enough to compress."""
    names = set()
    for name, (_, value) in program.constants.items():
        if value.size >= SMALLEST:
            names.add(name)
    for operation in program.compressed:
        names.difference_update(output.name for output in operation.outputs)
    return names


def _input(feature: FeatureDescription) -> Tensor:
    if not picture.is_image(feature):
        return _array(feature, input_layout(feature.name))
    image = feature.type.imageType
    channels = channel_count(image.colorSpace)
    return Tensor(
        name=feature.name,
        shape=[1, image.height, image.width, channels],
        dtype=IMAGE,
        layout="NHWC",
    )


def _outputs(description: ModelDescription) -> list[Tensor]:
    """Return the outputs, of a classifier the dictionary of its probabilities alone."""
    if not description.predictedProbabilitiesName:
        return [
            _array(feature, output_layout(feature.type.multiArrayType.shape))
            for feature in description.output
        ]
    probabilities = Tensor(
        name=description.predictedProbabilitiesName,
        shape=[1],
        dtype="dictionary of label to probability",
        layout="NC",
    )
    return [probabilities]


def _array(feature: FeatureDescription, layout: str) -> Tensor:
    array = feature.type.multiArrayType
    dtypes = schema.load_module("FeatureTypes_pb2").ArrayFeatureType
    dtype = dtypes.ArrayDataType.Name(array.dataType).lower()
    shape = [int(size) for size in array.shape]
    return Tensor(feature.name, shape, dtype, layout)
