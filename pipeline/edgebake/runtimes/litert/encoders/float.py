"""Encode weights in float32, or in float16 beside float32 activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("none", "float16")


def encode(model: Any, quantized: QuantizedModel, _: Convert) -> bytes:
    """Return the .tflite of a live model of Keras, or of the bytes of an imported .tflite."""
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
