"""Convert a quantized model to an .onnx file, by the encoder of its scheme's family; tf2onnx writes the float graph."""

import onnx

from edgebake import plugins
from edgebake.errors import ConversionError, listed
from edgebake.models import keras_session
from edgebake.models.onnx import float_graph
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Convert, DType
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.onnxruntime import FACTS, FILE, integer_io, metadata, ort_format
from edgebake.tasks.contract import Contract


def convert(
    quantized: QuantizedModel, contract: Contract, about: ReleaseInfo, options: Convert
) -> dict[str, bytes]:
    """Return {model.onnx: bytes}, labels and input contract in its metadata; what `ort_format` makes beside it."""
    refuse(quantized, options)
    encoder = plugins.load_encoder("edgebake.runtimes.onnxruntime.encoders", quantized.family)
    model = encoder.encode(_graph(quantized), quantized, options)
    model = metadata.attach(canonicalize(model), contract, about)
    if quantized.weights == "int4":
        model.metadata_props.add(key=metadata.FOLD_WEIGHTS, value="1")
    file: bytes = model.SerializeToString(deterministic=True)
    return {FILE: file} | (ort_format.build_ort_files(file) if options.ort_format else {})


def _graph(quantized: QuantizedModel) -> onnx.ModelProto:
    if quantized.format == "onnx":
        return onnx.load_from_string(quantized.archive)
    return float_graph.export_keras(keras_session.load(quantized.archive))


def refuse(quantized: QuantizedModel, options: Convert) -> None:
    """Refuse what ONNX Runtime has no kernels for.

    Raises:
        ConversionError: it has none for the input, the output or the layers to be kept.
    """
    if quantized.activations == "float32":
        integer_io.refuse_integers(
            quantized.scheme, {"input": options.input, "output": options.output}
        )
    if quantized.fallback_dtype is DType.int16:
        expected = listed(FACTS.fallback_dtypes)
        raise ConversionError(
            f"quantize.fallback_dtype: ONNX Runtime has no kernels that compute on int16; expected one of: {expected}"
        )
