"""Encode weights and activations in int8, by the ranges that calibration found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("int8", "mixed")


def encode(model: onnx.ModelProto, quantized: QuantizedModel, options: Convert) -> onnx.ModelProto:
    """Return the graph with quantized weights and activations, less the layers that `mixed` keeps in float."""
    from edgebake.models.onnx import float_graph
    from edgebake.models.onnx.decompose import decompose
    from edgebake.recipe import DType, Granularity
    from edgebake.runtimes.onnxruntime import integer_io, quantizer, weights

    float_program = float_graph.CalibratedGraph(
        decompose(float_graph.prepare_for_quantizer(model)), quantized.required_ranges
    )
    kept = float_program.nodes_computing(
        [value for values in quantized.fallback_layers.values() for value in values]
    )
    integers = quantizer.IntegerOptions(quantized.granularity or Granularity.per_channel, kept)
    encoded = quantizer.quantize_integers(float_program, integers)
    if quantized.fallback_dtype is DType.float16:
        encoded = weights.store_float16(encoded, kept)
    encoded = integer_io.convert_input(
        encoded, options.input, float_program.bounds[float_graph.IMAGE]
    )
    return integer_io.convert_output(encoded, options.output)
