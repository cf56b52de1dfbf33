"""Encode weights in float32 or float16; input and output are float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe.stage_params import ConvertParams

SCHEMES = ("none", "float16")


def encode(
    model: onnx.ModelProto, quantized: QuantizedModel, _options: ConvertParams
) -> onnx.ModelProto:
    """Return the graph with its weights in float32 or float16."""
    if quantized.weights == "float32":
        return model
    from onnxruntime.transformers.float16 import convert_float_to_float16

    float16: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return float16
