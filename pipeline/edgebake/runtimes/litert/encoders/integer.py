"""Encode weights in int8 and activations in int8 or int16, by calibrated activation ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("int8", "int16x8", "mixed")


def encode(model: keras.Model | bytes, quantized: QuantizedModel, options: Convert) -> bytes:
    """Return the .tflite that computes in integers.

    Excluded are the layers that `mixed` chose and the operators that the recipe leaves in float.

    Raises:
        ConversionError: an operator has no integer kernel and the recipe does not name it.
    """
    from edgebake.recipe import Granularity
    from edgebake.runtimes.litert import quantizer
    from edgebake.runtimes.litert.calibrated_model import CalibratedModel
    from edgebake.runtimes.litert.float_operators import quantize_with_fallback

    ranges = quantized.required_ranges
    float_model = CalibratedModel.from_source(model, ranges, quantized.ends)
    fallback_values: set[str] = set()
    for values in quantized.fallback_layers.values():
        fallback_values.update(values)
    integer_options = quantizer.IntegerOptions(
        activations=quantized.activations,
        granularity=quantized.granularity or Granularity.per_channel,
        fallback_dtype=quantized.fallback_dtype,
        fallback_tensors=float_model.tensors_computing(fallback_values),
        input=options.input,
        output=options.output,
    )
    return quantize_with_fallback(float_model, integer_options, quantized.fallback)
