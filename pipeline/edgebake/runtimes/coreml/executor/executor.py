"""A package in, answers out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

from edgebake.errors import CoverageError
from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.executor.mil import Value, ValueType
from edgebake.runtimes.coreml.executor.program import Program, read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic, translate
from edgebake.runtimes.coreml.package import Package

Array = NDArray[Any]
FED_AS = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


class Executor:
    """One function of a package, ready to run for one shape of its inputs."""

    def __init__(
        self,
        package: Package,
        arithmetic: Arithmetic = Arithmetic.float16,
        threads: int = 1,
        shapes: Mapping[str, Sequence[int]] | None = None,
        read: Sequence[str] = (),
    ) -> None:
        """Translate and load; `shapes` fixes inputs that are flexible, `read` names values to read beside the outputs.

        Raises:
            CoverageError: the program holds operators that are not covered.
        """
        self.features = {item.name: item.type for item in package.specification.description.input}
        self.program = _fixed(read_program(package), shapes or {}, self.features)
        self.outputs = [*_readable(self.program), *read]
        self._session = _loaded(translate(self.program, arithmetic, self.outputs), threads)
        self._inputs = {item.name: item for item in self._session.get_inputs()}

    def prepared(self, fed: Mapping[str, Array]) -> dict[str, Array]:
        """Return inputs as the program takes them: an image [1, h, w, c] or [h, w, c] becomes [1, c, h, w] floats."""
        return {
            name: self._prepared(name, np.asarray(value))
            for name, value in fed.items()
            if name in self._inputs
        }

    def run(self, prepared: dict[str, Array]) -> list[Array]:
        """Return the values named in `outputs`, for inputs from `prepared`."""
        found: list[Array] = self._session.run(self.outputs, prepared)
        return found

    def predict(self, fed: Mapping[str, Array]) -> dict[str, Array]:
        """Return the values named in `outputs` by their name."""
        return dict(zip(self.outputs, self.run(self.prepared(fed)), strict=True))

    def _prepared(self, name: str, value: Array) -> Array:
        node, feature = self._inputs[name], self.features[name]
        if feature.WhichOneof("Type") == "imageType":
            value = _planes(value, feature.imageType.colorSpace)
        elif value.ndim != len(node.shape):
            value = value.reshape(node.shape)
        return np.ascontiguousarray(value, FED_AS[node.type])


def _loaded(model: onnx.ModelProto, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except (Fail, InvalidGraph, NoKernel) as error:
        # An operator for a type that ONNX Runtime has no kernel of.
        raise CoverageError(f"the ML Program executor cannot run this program: {error}") from error


def class_labels(program: Program) -> list[str]:
    """Return a classifier's labels in the order of its probabilities; none for any other program."""
    for operation in program.operations:
        if operation.kind == "classify":
            return [str(label) for label in program.constants[operation.inputs["classes"][0]][1]]
    return []


def _readable(program: Program) -> list[str]:
    """Return the outputs that are tensors; a classifier's are made of its probabilities, which stand for them."""
    names: list[str] = list(program.outputs)
    for operation in program.operations:
        if operation.kind == "classify":
            made = {output.name for output in operation.outputs}
            names = [
                *(name for name in names if name not in made),
                operation.inputs["probabilities"][0],
            ]
    return names


def _fixed(
    program: Program, shapes: Mapping[str, Sequence[int]], features: Mapping[str, Any]
) -> Program:
    """Return the program with the shapes of flexible inputs decided: as asked for, else as the package's default."""
    inputs = [
        _with_shape(value, shapes.get(value.name), features.get(value.name))
        for value in program.inputs
    ]
    return replace(program, inputs=inputs)


def _with_shape(value: Value, shape: Sequence[int] | None, feature: Any) -> Value:
    if shape is None and None in value.type.shape and feature is not None:
        shape = _default_shape(feature)
    return value if shape is None else Value(value.name, ValueType(value.type.dtype, tuple(shape)))


def _default_shape(feature: Any) -> tuple[int, ...]:
    if feature.WhichOneof("Type") == "imageType":
        image = feature.imageType
        return (1, channel_count(image.colorSpace), image.height, image.width)
    return tuple(feature.multiArrayType.shape)


def channel_count(color_space: int) -> int:
    """Return how many channels an image input has."""
    spaces = schema.load_module("FeatureTypes_pb2").ImageFeatureType
    return 3 if color_space in (spaces.RGB, spaces.BGR) else 1


def _planes(image: Array, color_space: int) -> Array:
    pixels = image if image.ndim == 4 else image.reshape(1, *image.shape[:2], -1)
    if color_space == schema.load_module("FeatureTypes_pb2").ImageFeatureType.BGR:
        pixels = pixels[..., ::-1]
    return pixels.transpose(0, 3, 1, 2)
