"""Keras in, .mlpackage out, by coremltools, with an image as input and labels as output."""

import re
import tempfile
from pathlib import Path
from typing import Any

from edgebake import plugins
from edgebake.artifacts import read_files
from edgebake.errors import ConversionError, listed
from edgebake.models import keras_session
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Convert, CoreML, DType, Granularity, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.coreml import FILE, activations, block, metadata, probe_values, schema
from edgebake.runtimes.coreml.block import Block
from edgebake.runtimes.coreml.canonical import canonicalize
from edgebake.runtimes.coreml.weights import Storage
from edgebake.tasks.contract import Contract


def convert(
    quantized: QuantizedModel, contract: Contract, about: ReleaseInfo, section: Convert
) -> dict[str, bytes]:
    """Return the files of the package by their path, model.mlpackage/Manifest.json among them.

    Raises:
        ConversionError: layers are to be kept as Core ML cannot keep them, or a range is not known.
    """
    words = section.coreml
    if words is None:
        raise ValueError("a conversion to Core ML without its words")
    model, kept = _with_activations(quantized, contract, words)
    storage = Storage(
        quantized.compression,
        quantized.granularity or Granularity.per_channel,
        _constants(model, kept),
    )
    encoder = plugins.load_encoder("edgebake.runtimes.coreml.encoders", quantized.family)
    model = encoder.encode(model, storage, quantized.weights)
    metadata.attach(model, contract, about)
    return package_files(model)


def package_files(model: Any) -> dict[str, bytes]:
    """Return what coremltools holds in memory as the files of a package; equal models give equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        model.save(str(path))
        canonicalize(path)
        return read_files(Path(folder))


def _with_activations(
    quantized: QuantizedModel, contract: Contract, words: CoreML
) -> tuple[Any, set[str]]:
    """Return the program with its activations as the scheme wants them, and the values of kept layers."""
    model = keras_session.load(quantized.archive)
    precision = words.compute_precision
    if quantized.ranges is None:
        return _program(model, contract, words, _all_in(precision)), set()
    if quantized.fallback_dtype is DType.int16:
        raise ConversionError(
            "quantize.fallback_dtype: int16: Core ML has no int16 activations; expected float16 or float32"
        )
    exact = _program(model, contract, words, _all_in(Precision.float32))
    known = probe_values.compute_values(
        package_files(exact), contract.denormalize(quantized.ranges.probes), quantized.ranges
    )
    kept = known.inside(quantized.fallback_layers)
    if quantized.fallback_dtype is not DType.float32:
        program = _program(model, contract, words, _all_in(precision))
    else:
        operators = {block.name_of(item) for item in block.read_block(exact).computing(kept)}
        program = _program(model, contract, words, _all_but(operators))
        _refuse_halves(block.read_block(program), kept)
    return activations.quantize_activations(program, known, kept), kept


def _constants(model: Any, kept: set[str]) -> set[str]:
    """Return the constants that the operators of kept layers read, which stay in float."""
    program = block.read_block(model)
    return {name for item in program.computing(kept) for name in program.constants_of(item)}


def _all_in(precision: Precision) -> Any:
    import coremltools as ct

    return ct.precision[precision.name.upper()]


def _all_but(operators: set[str]) -> Any:
    """Return float16 for all operators but those of these names, which stay in float32."""
    import coremltools as ct

    # Here names are still those of TensorFlow; coremltools writes them into the file with underscores alone.
    return ct.transform.FP16ComputePrecision(
        op_selector=lambda operator: re.sub(r"[^a-zA-Z0-9_]", "_", operator.name) not in operators
    )


def _refuse_halves(program: Block, kept: set[str]) -> None:
    half = schema.load_module("MIL_pb2").DataType.FLOAT16
    outputs = [output for item in program.computing(kept) for output in item.outputs]
    halves = [output.name for output in outputs if output.type.tensorType.dataType == half]
    if halves:
        raise ConversionError(
            f"these values of kept layers became float16: {listed(halves)}; expected float32"
        )


def _program(model: Any, contract: Contract, words: CoreML, precision: Any) -> Any:
    import coremltools as ct

    sizes = _sizes(contract, words)
    return ct.convert(
        [_graph(model, contract, any_resolution=sizes is not None)],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[_image(contract, sizes)],
        classifier_config=ct.ClassifierConfig(contract.labels),
        minimum_deployment_target=ct.target[words.minimum_deployment_target],
        compute_precision=precision,
        skip_model_load=True,
    )


def _graph(model: Any, contract: Contract, any_resolution: bool) -> Any:
    """Return the frozen graph of a model, behind the scales of its channels where an image cannot have them."""
    function = keras_session.function_of(model, any_resolution)
    if _has_one_scale(contract):
        return keras_session.frozen(function)
    import tensorflow

    scale = tensorflow.constant([[[contract.scale]]], tensorflow.float32)
    behind = tensorflow.function(
        lambda image: function.python_function(image * scale),
        input_signature=function.input_signature,
    )
    return keras_session.frozen(behind)


def _has_one_scale(contract: Contract) -> bool:
    return len(set(contract.scale)) == 1


def _image(contract: Contract, sizes: Any) -> Any:
    import coremltools as ct

    # Core ML computes pixel * scale + bias, with one scale for all channels; others are in the graph.
    scale = contract.scale[0] if _has_one_scale(contract) else 1.0
    means = contract.mean if len(contract.mean) > 1 else contract.mean * contract.channels
    biases = [-mean * scale for mean in means]
    return ct.ImageType(
        name="image",
        shape=sizes or (1, contract.height, contract.width, contract.channels),
        color_layout=ct.colorlayout[
            "GRAYSCALE" if contract.channels == 1 else contract.color.upper()
        ],
        scale=scale,
        bias=biases[0] if contract.channels == 1 else biases,
    )


def _sizes(contract: Contract, words: CoreML) -> Any:
    """Return the sizes that an image may have; none where the model's own is the only one."""
    import coremltools as ct

    own, channels, among = contract.height, contract.channels, words.resolution_range
    if among is not None:
        side = [ct.RangeDim(among.smallest, among.largest, default=own) for _ in range(2)]
        return ct.Shape((1, *side, channels))
    if words.resolutions:
        shapes = [(1, side, side, channels) for side in sorted({own, *words.resolutions})]
        return ct.EnumeratedShapes(shapes, default=(1, own, own, channels))
    return None
