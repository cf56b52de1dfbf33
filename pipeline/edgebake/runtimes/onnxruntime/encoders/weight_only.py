"""Encode weights in int8 or int4; activations are float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe.stage_params import ConvertParams

SCHEMES = ("dynamic", "int4_weights")


def encode(
    model: onnx.ModelProto, quantized: QuantizedModel, _options: ConvertParams
) -> onnx.ModelProto:
    """Return the graph with integer weights.

    4-bit weights share a scale in blocks of `compression.block_size` input channels.
    """
    from edgebake.models.onnx import float_graph
    from edgebake.runtimes.onnxruntime import quantizer, weights

    prepared = float_graph.prepare_for_quantizer(model)
    if quantized.weights == "int4":
        return weights.quantize_int4(prepared, quantized.compression.block_size)
    return quantizer.quantize_weights(prepared)
