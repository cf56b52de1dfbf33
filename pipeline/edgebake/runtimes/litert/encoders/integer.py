"""Encode weights in int8 and activations in int8 or int16, by the ranges that calibration found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("int8", "int16x8", "mixed")


def encode(model: Any, quantized: QuantizedModel, options: Convert) -> bytes:
    """Return the .tflite that computes in integers, less the layers that `mixed` keeps in another dtype."""
    from edgebake.recipe import Granularity
    from edgebake.runtimes.litert import calibrated_model, quantizer

    float_program = calibrated_model.CalibratedModel(
        calibrated_model.to_float_tflite(model), quantized.required_ranges
    )
    kept_values = {value for values in quantized.fallback_layers.values() for value in values}
    kept = [
        layer.tensor for layer in float_program.layers if kept_values.intersection(layer.values)
    ]
    integers = quantizer.IntegerOptions(
        activations=quantized.activations,
        granularity=quantized.granularity or Granularity.per_channel,
        fallback_dtype=quantized.fallback_dtype,
        kept=kept,
        input=options.input,
        output=options.output,
    )
    return quantizer.quantize_integers(float_program, integers)
