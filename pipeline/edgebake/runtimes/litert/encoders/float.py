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
    from edgebake.runtimes.litert import calibrated_model, quantizer

    if quantized.weights == "float32":
        return calibrated_model.to_float_tflite(model)
    if isinstance(model, bytes):
        return quantizer.store_float16_weights(model)
    import tensorflow

    converter = calibrated_model.converter(model)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tensorflow.float16]
    return bytes(converter.convert())
