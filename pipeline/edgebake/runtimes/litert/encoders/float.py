"""Encode weights in float32 or float16; activations are float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("none", "float16")


def encode(model: keras.Model | bytes, quantized: QuantizedModel, _options: Convert) -> bytes:
    """Return the .tflite of a live Keras model, or of an imported .tflite."""
    from edgebake.models.tflite import from_keras
    from edgebake.runtimes.litert import calibrated_model, quantizer

    if quantized.weights == "float32":
        return calibrated_model.to_float_tflite(model, quantized.ends)
    if isinstance(model, bytes):
        return quantizer.store_float16_weights(model)
    return from_keras.to_tflite(model, quantized.ends, float16_weights=True)
