"""Encode weights in float32, or in float16 with float32 at input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("none", "float16")


def encode(model: onnx.ModelProto, quantized: QuantizedModel, _: Convert) -> onnx.ModelProto:
    """Return the graph with its weights in float32 or float16."""
    if quantized.weights == "float32":
        return model
    from onnxruntime.transformers.float16 import convert_float_to_float16

    halved: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return halved
