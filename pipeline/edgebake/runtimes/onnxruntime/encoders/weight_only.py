"""Encode weights in int8 or int4 beside float32 activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("dynamic", "int4_weights")


def encode(model: onnx.ModelProto, quantized: QuantizedModel, _: Convert) -> onnx.ModelProto:
    """Return the graph with integer weights; 4-bit ones share a scale in blocks of `compression.block_size`."""
    from edgebake.models.onnx import float_graph
    from edgebake.runtimes.onnxruntime import quantizer, weights

    if quantized.weights == "int4":
        return weights.quantize_int4(
            float_graph.prepare_for_quantizer(model), quantized.compression.block_size
        )
    return quantizer.quantize_weights(float_graph.prepare_for_quantizer(model))
