"""A model in, .tflite out: TensorFlow's converter for the float program, LiteRT's own quantizer for integers.

A model is a live one of Keras, or the bytes of a .tflite that somebody brought.
"""

from collections.abc import Callable
from typing import Any

from edgebake.models import keras_session
from edgebake.models.activation_ranges import Ranges
from edgebake.models.quantized_model import Quantized
from edgebake.recipe import Convert, Granularity
from edgebake.recipe.about import About
from edgebake.runtimes.litert import FILE, metadata, quantizer
from edgebake.runtimes.litert.program import Program
from edgebake.tasks.contract import Contract


def convert(quantized: Quantized, contract: Contract, about: About, section: Convert) -> dict[str, bytes]:
    """Return {model.tflite: bytes}, labels and input contract in its metadata."""
    model = SETTINGS[quantized.scheme](loaded(quantized), quantized, section)
    return {FILE: metadata.attach(model, contract, about)}


def loaded(quantized: Quantized) -> Any:
    """Return a live model of Keras, or the bytes of a .tflite that somebody brought."""
    return quantized.archive if quantized.format == "tflite" else keras_session.load(quantized.archive)


def in_float(model: Any) -> bytes:
    """Return a model as a float32 .tflite without metadata."""
    return model if isinstance(model, bytes) else bytes(_converter(model).convert())


def _converter(model: Any) -> Any:
    import tensorflow  # noqa: PLC0415

    # The variables are constants by now. Handing over the Keras model as second argument would leave them out of the
    # file without an error.
    return tensorflow.lite.TFLiteConverter.from_concrete_functions([keras_session.frozen_graph(model)])


def _none(model: Any, _: Quantized, __: Convert) -> bytes:
    return in_float(model)


def _float16(model: Any, _: Quantized, __: Convert) -> bytes:
    if isinstance(model, bytes):
        return quantizer.halves(model)
    import tensorflow  # noqa: PLC0415

    converter = _converter(model)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tensorflow.float16]
    return bytes(converter.convert())


def _dynamic(model: Any, _: Quantized, __: Convert) -> bytes:
    return quantizer.weights(in_float(model), 8)


def _int4(model: Any, quantized: Quantized, _: Convert) -> bytes:
    return quantizer.weights(in_float(model), 4, quantized.compression.block_size)


def _integers(model: Any, quantized: Quantized, section: Convert) -> bytes:
    program = Program(in_float(model), _known(quantized))
    kept = {value for values in quantized.kept.values() for value in values}
    asked = quantizer.Integers(
        activations=quantized.activations,
        granularity=quantized.granularity or Granularity.per_channel,
        keep=quantized.keep,
        kept=[layer.tensor for layer in program.layers if kept.intersection(layer.values)],
        input=section.input,
        output=section.output,
    )
    return quantizer.integers(program, asked)


def _known(quantized: Quantized) -> Ranges:
    if quantized.ranges is None:
        raise ValueError(f"{quantized.scheme} without ranges")
    return quantized.ranges


SETTINGS: dict[str, Callable[[Any, Quantized, Convert], bytes]] = {
    "none": _none,
    "float16": _float16,
    "dynamic": _dynamic,
    "int8": _integers,
    "int16x8": _integers,
    "int4_weights": _int4,
    "mixed": _integers,
}
