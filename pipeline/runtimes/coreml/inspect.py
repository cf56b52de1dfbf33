"""Read inputs, outputs, operators and dtypes out of an .mlpackage.

Imports coremltools, which imports TensorFlow where it is installed, so only convert calls this.
"""

from collections import Counter
from typing import Any

from pipeline.runtimes.coreml import FILE
from pipeline.tensors import Inspection, Operator, Tensor

SPECIFICATION = f"{FILE}/Data/com.apple.CoreML/model.mlmodel"


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return what the package holds."""
    from coremltools import proto  # noqa: PLC0415

    model = proto.Model_pb2.Model()
    model.ParseFromString(files[SPECIFICATION])
    function = model.mlProgram.functions["main"]
    operations = function.block_specializations[function.opset].operations
    dtypes = [_dtypes(operation) for operation in operations]
    program = [
        Operator(operation.type, tuple(sorted(set(found))))
        for operation, found in zip(operations, dtypes, strict=True)
        if operation.type != "const"
    ]
    return Inspection(
        input=_input(model.description.input[0]),
        output=_output(model.description),
        operators=program,
        tensors=dict(Counter(dtype for found in dtypes for dtype in found)),
    )


def _dtypes(operation: Any) -> list[str]:
    from coremltools import proto  # noqa: PLC0415

    tensors = [output.type.tensorType for output in operation.outputs if output.type.WhichOneof("type") == "tensorType"]
    return [proto.MIL_pb2.DataType.Name(tensor.dataType).lower() for tensor in tensors]


def _input(feature: Any) -> Tensor:
    image = feature.type.imageType
    channels = 1 if image.colorSpace == image.ColorSpace.Value("GRAYSCALE") else 3
    return Tensor(name=feature.name, shape=[1, image.height, image.width, channels], dtype="image", layout="NHWC")


def _output(description: Any) -> Tensor:
    name = description.predictedProbabilitiesName
    return Tensor(name=name, shape=[1], dtype="dictionary of label to probability", layout="NC")
