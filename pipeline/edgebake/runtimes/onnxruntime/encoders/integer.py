"""Encode weights and activations in int8, by calibrated activation ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.onnx.float_graph import CalibratedGraph
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe.stage_params import ConvertParams

SCHEMES = ("int8", "mixed")


def encode(
    model: onnx.ModelProto, quantized: QuantizedModel, options: ConvertParams
) -> onnx.ModelProto:
    """Return the graph that computes in integers.

    Excluded are the layers that `mixed` chose and the operators that the recipe leaves in float.

    Raises:
        ConversionError: an operator has no integer kernel and the recipe does not name it.
    """
    from edgebake.recipe import DType, Granularity
    from edgebake.runtimes.onnxruntime import integer_io, weights
    from edgebake.runtimes.onnxruntime.float_operators import FallbackQuantizer
    from edgebake.runtimes.onnxruntime.quantizer import IntegerOptions

    graph = calibrated_graph(model, quantized)
    fallback_values: set[str] = set()
    for values in quantized.fallback_layers.values():
        fallback_values.update(values)
    float_nodes = graph.nodes_computing(fallback_values)
    integer_options = IntegerOptions(
        quantized.granularity or Granularity.per_channel, options.reduce_range, float_nodes
    )
    encoded = FallbackQuantizer(graph, integer_options).quantize(quantized.fallback)
    if quantized.fallback_dtype is DType.float16:
        encoded = weights.store_float16(encoded, float_nodes)
    encoded = integer_io.convert_inputs(encoded, options.input, graph.bounds)
    return integer_io.convert_outputs(encoded, options.output, graph.bounds)


def calibrated_graph(model: onnx.ModelProto, quantized: QuantizedModel) -> CalibratedGraph:
    """Return the graph in the form that has most integer kernels, with the model's ranges."""
    from edgebake.models.normalizations import normalization_nodes
    from edgebake.models.onnx import float_graph
    from edgebake.models.onnx.decompose import decompose
    from edgebake.models.onnx.graph import initializers, name_nodes
    from edgebake.runtimes.onnxruntime.float_regions import float_regions, node_graph

    prepared = float_graph.prepare_for_quantizer(model)
    name_nodes(prepared.graph)
    links = node_graph(prepared.graph)
    float_nodes = {links.nodes[index].name for index in normalization_nodes(links)}
    for members in float_regions(prepared.graph, initializers(prepared.graph)).values():
        float_nodes.update(members)
    decomposed = decompose(prepared, float_nodes)
    return float_graph.CalibratedGraph(decomposed, quantized.required_ranges)
