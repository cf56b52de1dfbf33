"""Encode weights in int8 or int4; activations are float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("dynamic", "int4_weights")


def encode(model: keras.Model | bytes, quantized: QuantizedModel, _options: Convert) -> bytes:
    """Return the .tflite with integer weights.

    4-bit weights share a scale in blocks of `compression.block_size` input channels.
    """
    from edgebake.runtimes.litert import calibrated_model, quantizer

    float_model = calibrated_model.to_float_tflite(model, quantized.ends)
    if quantized.weights == "int4":
        return quantizer.quantize_weights(float_model, 4, quantized.compression.block_size)
    return quantizer.quantize_weights(float_model, 8)
