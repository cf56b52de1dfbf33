"""Encode weights in int8 or int4 beside float32 activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("dynamic", "int4_weights")


def encode(model: Any, quantized: QuantizedModel, _: Convert) -> bytes:
    """Return the .tflite with integer weights; 4-bit ones share a scale in blocks of `compression.block_size`."""
    from edgebake.runtimes.litert import calibrated_model, quantizer

    if quantized.weights == "int4":
        return quantizer.quantize_weights(
            calibrated_model.to_float_tflite(model), 4, quantized.compression.block_size
        )
    return quantizer.quantize_weights(calibrated_model.to_float_tflite(model), 8)
