"""Convert a quantized model to an .onnx file, with the encoder of its scheme's family.

tf2onnx exports the float graph.
"""

import onnx

from edgebake import plugins
from edgebake.errors import ConversionError, listed
from edgebake.models import keras_session
from edgebake.models.onnx import float_graph
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import DType
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.onnxruntime import EXACT_SUMS, FACTS, FILE, integer_io, metadata, ort_format
from edgebake.tasks.contract import Contract


def convert(
    quantized: QuantizedModel, contract: Contract, options: ConvertParams
) -> dict[str, bytes]:
    """Return {"model.onnx": contents}, with labels and input contract in its metadata.

    With `ort_format`, the files of the ORT format are added.
    """
    refuse_without_kernels(quantized, options)
    encoder = plugins.load_encoder("edgebake.runtimes.onnxruntime.encoders", quantized.family)
    graph = float_graph_of(quantized)
    encoded = encoder.encode(graph, quantized, options)
    canonical = canonicalize(encoded)
    model = metadata.attach(canonical, contract, options.about)
    if quantized.weights == "int4":
        model.metadata_props.add(key=metadata.FOLD_WEIGHTS, value="1")
    if quantized.activations == "int8" and not options.reduce_range:
        model.metadata_props.add(key=EXACT_SUMS, value="1")
    file: bytes = model.SerializeToString(deterministic=True)
    files = {FILE: file}
    if options.ort_format:
        files |= ort_format.build_ort_files(file)
    return files


def float_graph_of(quantized: QuantizedModel) -> onnx.ModelProto:
    """Return the float graph of a model."""
    if quantized.format == "onnx":
        return onnx.load_from_string(quantized.archive)
    model = keras_session.load(quantized.archive)
    return float_graph.export_keras(model, quantized.ends)


def refuse_without_kernels(quantized: QuantizedModel, options: ConvertParams) -> None:
    """Refuse dtypes for which ONNX Runtime has no kernels.

    Raises:
        ConversionError: there are none for the dtype of input, output or the fallback layers.
    """
    if quantized.activations == "float32":
        dtypes = {"input": options.input, "output": options.output}
        integer_io.refuse_integers(quantized.scheme, dtypes)
    if quantized.fallback_dtype is DType.int16:
        expected = listed(FACTS.fallback_dtypes)
        raise ConversionError(
            "quantize.fallback_dtype: ONNX Runtime has no kernels that compute on int16; "
            f"expected one of: {expected}"
        )
