"""Run an ML Program of a package in ONNX Runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

from edgebake.errors import CoverageError
from edgebake.runtimes.coreml import schema
from edgebake.runtimes.coreml.executor.mil import Array, Value, ValueType
from edgebake.runtimes.coreml.executor.program import Program, read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic, translate
from edgebake.runtimes.coreml.package import Package

if TYPE_CHECKING:
    from coremltools.proto import FeatureTypes_pb2

INPUT_DTYPES = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


class Executor:
    """One function of a package, loaded to run for one shape of its inputs."""

    def __init__(
        self,
        package: Package,
        arithmetic: Arithmetic = Arithmetic.float16,
        threads: int = 1,
        shapes: Mapping[str, Sequence[int]] | None = None,
        extra_outputs: Sequence[str] = (),
    ) -> None:
        """Translate the program and load it.

        `shapes` are those of inputs with a flexible shape, by name; without one, an input has the
        default shape of the package. `extra_outputs` names values to return after the outputs.

        Raises:
            CoverageError: the program has operators that the executor does not support.
        """
        features = package.specification.description.input
        self._feature_types = {feature.name: feature.type for feature in features}
        program = _fix_shapes(read_program(package), shapes or {}, self._feature_types)
        self.program = program
        self.outputs = [*_tensor_outputs(program), *extra_outputs]
        model = translate(program, arithmetic, self.outputs)
        session = _load(model, threads)
        self._session = session
        self._inputs = {node.name: node for node in session.get_inputs()}

    def prepare(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Convert inputs to the shapes and dtypes of the program; leave out those it does not have.

        An image [1, h, w, c] or [h, w, c] becomes float32 [1, c, h, w], in the channel order of
        the program.
        """
        prepared = {}
        for name, value in inputs.items():
            if name in self._inputs:
                array = np.asarray(value)
                prepared[name] = self._prepare_input(name, array)
        return prepared

    def run(self, prepared: dict[str, Array]) -> list[Array]:
        """Compute the values named in `outputs`, each in the shape that the program declares.

        `prepared` are inputs that `prepare` returned.
        """
        results: list[Array] = self._session.run(self.outputs, prepared)
        return results

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs by name, with the shapes and dtypes of `prepare` and `run`."""
        prepared = self.prepare(inputs)
        results = self.run(prepared)
        return dict(zip(self.outputs, results, strict=True))

    def _prepare_input(self, name: str, value: Array) -> Array:
        node = self._inputs[name]
        dtype = INPUT_DTYPES[node.type]
        feature_type = self._feature_types[name]
        if feature_type.WhichOneof("Type") == "imageType":
            value = _to_planes(value, feature_type.imageType.colorSpace)
        elif value.ndim != len(node.shape):
            value = value.reshape(node.shape)
        return np.ascontiguousarray(value, dtype)


def _load(model: onnx.ModelProto, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    serialized = model.SerializeToString()
    providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(serialized, options, providers=providers)
    except (Fail, InvalidGraph, NoKernel) as error:
        # ONNX Runtime has no kernel of some operator for the dtype.
        raise CoverageError(f"the ML Program executor cannot run this program: {error}") from error


def class_labels(program: Program) -> list[str]:
    """Return a classifier's labels in the order of its probabilities; [] for any other program."""
    for operation in program.operations:
        if operation.kind == "classify":
            (classes,) = operation.inputs["classes"]
            _, labels = program.constants[classes]
            return [str(label) for label in labels]
    return []


def _tensor_outputs(program: Program) -> list[str]:
    """Return the names of the outputs, the probabilities in place of a classifier's outputs.

    Those are a label and a dictionary, both made of the probabilities.
    """
    names = list(program.outputs)
    for operation in program.operations:
        if operation.kind == "classify":
            probabilities = operation.inputs["probabilities"][0]
            not_tensors = {output.name for output in operation.outputs}
            names = [name for name in names if name not in not_tensors]
            names.append(probabilities)
    return names


def _fix_shapes(
    program: Program,
    shapes: Mapping[str, Sequence[int]],
    feature_types: Mapping[str, "FeatureTypes_pb2.FeatureType"],
) -> Program:
    """Give flexible inputs the requested shape, or else the default shape of the package."""
    inputs = []
    for value in program.inputs:
        name = value.name
        shape = shapes.get(name)
        is_flexible = None in value.type.shape
        if shape is None and is_flexible and name in feature_types:
            shape = _default_shape(feature_types[name])
        if shape is None:
            inputs.append(value)
        else:
            fixed_type = ValueType(value.type.dtype, tuple(shape))
            inputs.append(Value(name, fixed_type))
    return replace(program, inputs=inputs)


def _default_shape(feature_type: "FeatureTypes_pb2.FeatureType") -> tuple[int, ...]:
    if feature_type.WhichOneof("Type") == "imageType":
        image = feature_type.imageType
        channels = channel_count(image.colorSpace)
        return (1, channels, image.height, image.width)
    return tuple(feature_type.multiArrayType.shape)


def channel_count(color_space: int) -> int:
    """Return the number of channels of an image input: 3 for RGB and BGR, 1 for grayscale."""
    spaces = schema.load_module("FeatureTypes_pb2").ImageFeatureType
    if color_space in (spaces.RGB, spaces.BGR):
        return 3
    return 1


def _to_planes(image: Array, color_space: int) -> Array:
    """Convert an image [1, h, w, c] or [h, w, c] to [1, c, h, w]."""
    if image.ndim != 4:
        height, width = image.shape[:2]
        image = image.reshape(1, height, width, -1)
    spaces = schema.load_module("FeatureTypes_pb2").ImageFeatureType
    if color_space == spaces.BGR:
        image = image[..., ::-1]
    return image.transpose(0, 3, 1, 2)
