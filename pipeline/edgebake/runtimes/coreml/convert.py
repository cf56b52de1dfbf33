"""Convert a Keras model with coremltools to an .mlpackage: a classifier of images, or of arrays."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake import plugins
from edgebake.artifacts import read_files
from edgebake.errors import ConversionError, listed
from edgebake.models import basic_operators, converter_errors, keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Convert, CoreML, DType, Granularity, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.coreml import FILE, activations, block, metadata, probe_values, schema
from edgebake.runtimes.coreml.block import Block
from edgebake.runtimes.coreml.canonical import canonicalize
from edgebake.runtimes.coreml.weights import Storage
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import IMAGE, Feeds

if TYPE_CHECKING:
    import coremltools as ct
    import keras
    import tensorflow
    from coremltools.models import MLModel

# Operators of TensorFlow that coremltools does not know, or converts to others.
REPLACED_OPERATORS = (
    "Erfc",
    "Expm1",
    "IsNan",
    "MirrorPad",
    "ResizeBicubic",
    "ResizeNearestNeighbor",
    "Roll",
    "ScaleAndTranslate",
)
# Of recurrent layers, at which coremltools fails with an error about a value of its own.
REFUSED_OPERATORS = ("TensorListReserve",)
LIBRARY = "coremltools"
# In the message of coremltools, of the first operator that it does not convert.
UNKNOWN_OPERATOR = re.compile(r"Conversion for TF op '(\w+)' not implemented")


def convert(
    quantized: QuantizedModel, contract: Contract, about: ReleaseInfo, options: Convert
) -> dict[str, bytes]:
    """Return the files of the package by path, including model.mlpackage/Manifest.json.

    Raises:
        ConversionError: Core ML cannot compute layers in the fallback dtype, or an activation range
            is not known.
    """
    if options.coreml is None:
        raise ValueError("a conversion to Core ML without its options")
    model, fallback_values = _quantize_activations(quantized, contract, options.coreml)
    storage = Storage(
        compression=quantized.compression,
        granularity=quantized.granularity or Granularity.per_channel,
        float_constants=_constants_of(model, fallback_values),
    )
    encoder = plugins.load_encoder("edgebake.runtimes.coreml.encoders", quantized.family)
    model = encoder.encode(model, storage, quantized.weights)
    metadata.attach(model, contract, about)
    return package_files(model)


def package_files(model: MLModel) -> dict[str, bytes]:
    """Return the files of a model's package by path; equal models give equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        model.save(str(path))
        canonicalize(path)
        return read_files(Path(folder))


def _quantize_activations(
    quantized: QuantizedModel, contract: Contract, options: CoreML
) -> tuple[MLModel, set[str]]:
    """Return the program with the activations of the scheme, and the values of fallback layers."""
    model = keras_session.load(quantized.archive)
    precision = _uniform_precision(options.compute_precision)
    if quantized.ranges is None:
        return _to_program(model, contract, options, precision), set()
    if quantized.fallback_dtype is DType.int16:
        raise ConversionError(
            "quantize.fallback_dtype: int16: Core ML has no int16 activations; "
            "expected float16 or float32"
        )
    float32 = _uniform_precision(Precision.float32)
    exact = _to_program(model, contract, options, float32)
    probes = _probes(contract, quantized.ranges)
    values = probe_values.compute_values(package_files(exact), probes, quantized.ranges)
    fallback_values = values.inside(quantized.fallback_layers)
    if quantized.fallback_dtype is DType.float32:
        fallback_operations = block.read_block(exact).computing(fallback_values)
        names = {block.name_of(operation) for operation in fallback_operations}
        program = _to_program(model, contract, options, _float32_for(names))
        _refuse_float16(block.read_block(program), fallback_values)
    else:
        program = _to_program(model, contract, options, precision)
    quantized_program = activations.quantize_activations(program, values, fallback_values)
    return quantized_program, fallback_values


def _probes(contract: Contract, ranges: ActivationRanges) -> Feeds:
    """Return what the program is fed: of an image, which it normalizes itself, the pixels."""
    if not contract.is_image_classifier:
        return ranges.probes
    return {IMAGE: contract.image.denormalize(ranges.probes[IMAGE])}


def _constants_of(model: MLModel, values: set[str]) -> set[str]:
    """Return the constants that the operations computing these values read."""
    program = block.read_block(model)
    constants: set[str] = set()
    for operation in program.computing(values):
        constants.update(program.constants_of(operation))
    return constants


def _uniform_precision(precision: Precision) -> ct.precision:
    import coremltools as ct

    return ct.precision[precision.name.upper()]


def _float32_for(operations: set[str]) -> ct.transform.FP16ComputePrecision:
    """Return float16 for all operations except some, which stay in float32."""
    import coremltools as ct

    def computes_in_float16(operation: ct.converters.mil.mil.Operation) -> bool:
        # Names are still TensorFlow's here; coremltools replaces their special characters by
        # underscores in the file.
        name = re.sub(r"[^a-zA-Z0-9_]", "_", operation.name)
        return name not in operations

    return ct.transform.FP16ComputePrecision(op_selector=computes_in_float16)


def _refuse_float16(program: Block, values: set[str]) -> None:
    float16 = schema.load_module("MIL_pb2").DataType.FLOAT16
    names = []
    for operation in program.computing(values):
        for output in operation.outputs:
            if output.type.tensorType.dataType == float16:
                names.append(output.name)
    if names:
        raise ConversionError(
            f"these values of fallback layers became float16: {listed(names)}; expected float32"
        )


def _to_program(
    model: keras.Model,
    contract: Contract,
    options: CoreML,
    precision: ct.precision | ct.transform.FP16ComputePrecision,
) -> MLModel:
    """Convert a live Keras model to an ML Program in floats."""
    import coremltools as ct
    from coremltools.converters.mil.mil import Builder

    # coremltools counts operators in their names, and starts again behind a conversion alone: what
    # else this process has built would change the names, and so the bytes.
    Builder.name_count.clear()
    frozen, ends = _graph_and_ends(model, contract, options)
    graph = basic_operators.replace(frozen, REPLACED_OPERATORS)
    kinds = {operation.type for operation in graph.graph.get_operations()}
    unsupported = kinds.intersection(REFUSED_OPERATORS)
    if unsupported:
        raise converter_errors.unknown_operators(LIBRARY, graph, unsupported)
    with converter_errors.in_one_line(LIBRARY):
        try:
            return ct.convert(
                [graph],
                source="tensorflow",
                convert_to="mlprogram",
                **ends,
                minimum_deployment_target=ct.target[options.minimum_deployment_target],
                compute_precision=precision,
                skip_model_load=True,
            )
        except NotImplementedError as error:
            unknown = set(UNKNOWN_OPERATOR.findall(str(error)))
            if not unknown:
                raise
            raise converter_errors.unknown_operators(LIBRARY, graph, unknown) from error


def _graph_and_ends(
    model: keras.Model, contract: Contract, options: CoreML
) -> tuple[tensorflow.types.experimental.ConcreteFunction, dict[str, Any]]:
    """Return the frozen graph of a model, and the arguments of coremltools that describe its ends.

    A classifier of images takes an image and returns a label and a dictionary; any other model
    takes and returns arrays.
    """
    import coremltools as ct

    if contract.is_image_classifier:
        shape = _flexible_shape(contract, options)
        graph = _image_graph(model, contract, any_resolution=shape is not None)
        classes = ct.ClassifierConfig(contract.labels)
        return graph, {"inputs": [_image_type(contract, shape)], "classifier_config": classes}
    inputs = []
    for spec in contract.ends.inputs:
        dtype = np.dtype(spec.dtype).type
        inputs.append(ct.TensorType(spec.name, (1, *spec.shape), dtype))
    outputs = [ct.TensorType(name, dtype=np.float32) for name in contract.ends.outputs]
    graph = keras_session.frozen_graph(model, contract.ends)
    return graph, {"inputs": inputs, "outputs": outputs}


def _image_graph(
    model: keras.Model, contract: Contract, any_resolution: bool
) -> tensorflow.types.experimental.ConcreteFunction:
    """Return the frozen graph of a model of images.

    It multiplies the image by the scales of its channels if Core ML's image type cannot.
    """
    function = keras_session.inference_function(model, any_resolution=any_resolution)
    if _has_single_scale(contract):
        return keras_session.freeze(function)
    import tensorflow

    scale = tensorflow.constant([[[contract.image.scale]]], tensorflow.float32)
    scaled = tensorflow.function(
        lambda image: function.python_function(image * scale),
        input_signature=function.input_signature,
    )
    return keras_session.freeze(scaled)


def _has_single_scale(contract: Contract) -> bool:
    distinct = set(contract.image.scale)
    return len(distinct) == 1


def _image_type(contract: Contract, shape: ct.Shape | ct.EnumeratedShapes | None) -> ct.ImageType:
    import coremltools as ct

    # Core ML computes pixel * scale + bias, with one scale for all channels. Several scales are
    # part of the graph.
    scale = 1.0
    if _has_single_scale(contract):
        scale = contract.image.scale[0]
    means = contract.image.mean
    if len(means) == 1:
        means = means * contract.image.channels
    biases = [-mean * scale for mean in means]
    bias: float | list[float] = biases
    color_layout = contract.image.color.upper()
    if contract.image.channels == 1:
        bias = biases[0]
        color_layout = "GRAYSCALE"
    default_shape = (1, contract.image.height, contract.image.width, contract.image.channels)
    return ct.ImageType(
        name="image",
        shape=shape or default_shape,
        color_layout=ct.colorlayout[color_layout],
        scale=scale,
        bias=bias,
    )


def _flexible_shape(contract: Contract, options: CoreML) -> ct.Shape | ct.EnumeratedShapes | None:
    """Return the shapes [1, h, w, c] of an image; None if there is only the model's own."""
    import coremltools as ct

    default = contract.image.height
    channels = contract.image.channels
    limits = options.resolution_range
    if limits is not None:
        height = ct.RangeDim(limits.smallest, limits.largest, default=default)
        width = ct.RangeDim(limits.smallest, limits.largest, default=default)
        return ct.Shape((1, height, width, channels))
    if options.resolutions:
        sides = sorted({default, *options.resolutions})
        shapes = [(1, side, side, channels) for side in sides]
        default_shape = (1, default, default, channels)
        return ct.EnumeratedShapes(shapes, default=default_shape)
    return None
