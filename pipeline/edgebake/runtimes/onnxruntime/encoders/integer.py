"""Encode weights and activations in int8, by calibrated activation ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe.stage_params import ConvertParams

SCHEMES = ("int8", "mixed")


def encode(
    model: onnx.ModelProto, quantized: QuantizedModel, options: ConvertParams
) -> onnx.ModelProto:
    """Return the graph that computes in integers, without the layers that `mixed` excludes."""
    from edgebake.models.onnx import float_graph
    from edgebake.models.onnx.decompose import decompose
    from edgebake.recipe import DType, Granularity
    from edgebake.runtimes.onnxruntime import integer_io, quantizer, weights

    prepared = float_graph.prepare_for_quantizer(model)
    decomposed = decompose(prepared)
    graph = float_graph.CalibratedGraph(decomposed, quantized.required_ranges)
    fallback_values: set[str] = set()
    for values in quantized.fallback_layers.values():
        fallback_values.update(values)
    float_nodes = graph.nodes_computing(fallback_values)
    integer_options = quantizer.IntegerOptions(
        quantized.granularity or Granularity.per_channel, options.reduce_range, float_nodes
    )
    encoded = quantizer.quantize_integers(graph, integer_options)
    if quantized.fallback_dtype is DType.float16:
        encoded = weights.store_float16(encoded, float_nodes)
    image_bounds = graph.bounds[float_graph.IMAGE]
    encoded = integer_io.convert_input(encoded, options.input, image_bounds)
    return integer_io.convert_output(encoded, options.output)
