"""Keras or ONNX in, .onnx out: tf2onnx for the float program, ONNX Runtime's own quantizers for integers."""

from collections.abc import Callable

import onnx

from edgebake.errors import ConversionError, listed
from edgebake.models import keras_session
from edgebake.models.activation_ranges import Ranges
from edgebake.models.onnx import program
from edgebake.models.onnx.canonical import canonical
from edgebake.models.onnx.decompose import spelled
from edgebake.models.onnx.program import IMAGE, Program
from edgebake.models.quantized_model import Quantized
from edgebake.recipe import Convert, DType, Granularity
from edgebake.recipe.about import About
from edgebake.runtimes.onnxruntime import FILE, KEEPS, ends, metadata, ort_format, quantizer, weights
from edgebake.tasks.contract import Contract

# The option of a session that an app sets for such a file: its weights become floats once, at load, not in every run.
INTEGERS_BESIDE_FLOATS, FOLD_WEIGHTS = "int4_weights", "session.disable_quant_qdq"


def convert(quantized: Quantized, contract: Contract, about: About, section: Convert) -> dict[str, bytes]:
    """Return {model.onnx: bytes}, labels and input contract in its metadata; what `ort_format` makes beside it."""
    setting = SETTINGS[quantized.scheme]
    refuse(quantized, section)
    model = setting(_graph(quantized), quantized, section)
    model = metadata.attach(canonical(model), contract, about)
    if quantized.scheme == INTEGERS_BESIDE_FLOATS:
        model.metadata_props.add(key=FOLD_WEIGHTS, value="1")
    file: bytes = model.SerializeToString(deterministic=True)
    return {FILE: file} | (ort_format.files(file) if section.ort_format else {})


def _graph(quantized: Quantized) -> onnx.ModelProto:
    if quantized.format == "onnx":
        return onnx.load_from_string(quantized.archive)
    return program.exported(keras_session.load(quantized.archive))


def refuse(quantized: Quantized, section: Convert) -> None:
    """Hold what a recipe wants against what ONNX Runtime has kernels for.

    Raises:
        ConversionError: it has none.
    """
    if quantized.activations == "float32":
        ends.refuse_integers(quantized.scheme, {"input": section.input, "output": section.output})
    if quantized.keep is DType.int16:
        raise ConversionError(
            f"quantize.keep: ONNX Runtime has no kernels that compute on int16; expected one of: {listed(KEEPS)}"
        )


def _none(model: onnx.ModelProto, _: Quantized, __: Convert) -> onnx.ModelProto:
    return model


def _float16(model: onnx.ModelProto, _: Quantized, __: Convert) -> onnx.ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    found: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return found


def _dynamic(model: onnx.ModelProto, _: Quantized, __: Convert) -> onnx.ModelProto:
    return quantizer.dynamic(program.prepared(model))


def _int4(model: onnx.ModelProto, quantized: Quantized, _: Convert) -> onnx.ModelProto:
    return weights.int4(program.prepared(model), quantized.compression.block_size)


def _integers(model: onnx.ModelProto, quantized: Quantized, section: Convert) -> onnx.ModelProto:
    known = Program(spelled(program.prepared(model)), _known(quantized))
    kept = known.holding([value for values in quantized.kept.values() for value in values])
    asked = quantizer.Integers(quantized.granularity or Granularity.per_channel, kept)
    found = quantizer.integers(known, asked)
    if quantized.keep is DType.float16:
        found = weights.halved(found, kept)
    found = ends.with_input(found, section.input, known.ranged[IMAGE])
    return ends.with_output(found, section.output)


def _known(quantized: Quantized) -> Ranges:
    if quantized.ranges is None:
        raise ValueError(f"{quantized.scheme} without ranges")
    return quantized.ranges


SETTINGS: dict[str, Callable[[onnx.ModelProto, Quantized, Convert], onnx.ModelProto]] = {
    "none": _none,
    "float16": _float16,
    "dynamic": _dynamic,
    "int4_weights": _int4,
    "int8": _integers,
    "mixed": _integers,
}
