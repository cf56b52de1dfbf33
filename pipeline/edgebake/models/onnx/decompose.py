"""Decompose operators without integer kernels into operators that have them.

HardSwish and HardSigmoid become products, sums and clips; batch normalization that no layer has
folded becomes a product and a sum. Reads and writes nothing. Files whose activations stay in float
keep their operators.
"""

from collections.abc import Callable, Collection

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx import decompose_arithmetic, decompose_reductions
from edgebake.models.onnx.decompose_transposed import transposed_convolution
from edgebake.models.onnx.graph import (
    add_initializer,
    attribute_values,
    initializers,
    ranks,
    replace_nodes,
)

# The HardSigmoid inside HardSwish, and the defaults of HardSigmoid and BatchNormalization:
# https://onnx.ai/onnx/operators.
SWISH = {"alpha": 1 / 6, "beta": 0.5}
SIGMOID = {"alpha": 0.2, "beta": 0.5}
EPSILON = 1e-5


Decomposition = Callable[[onnx.NodeProto, onnx.GraphProto], list[onnx.NodeProto] | None]


def decompose(model: onnx.ModelProto, kept: Collection[str] = ()) -> onnx.ModelProto:
    """Return the graph with its operators decomposed, and the shapes of new tensors inferred.

    The model is changed in place.

    Args:
        model: a float graph.
        kept: names of the nodes that stay as they are.
    """
    graph = model.graph
    operators = {node.op_type for node in graph.node}
    if operators.isdisjoint(DECOMPOSITIONS):
        return model
    inferred = onnx.shape_inference.infer_shapes(model)
    graph.CopyFrom(inferred.graph)
    nodes: list[onnx.NodeProto] = []
    for node in list(graph.node):
        decomposition = DECOMPOSITIONS.get(node.op_type)
        replacement = None
        if decomposition is not None and node.name not in kept:
            replacement = decomposition(node, graph)
        nodes += replacement or [node]
    replace_nodes(graph, nodes)
    return onnx.shape_inference.infer_shapes(model)


def _hard_sigmoid(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    x = node.input[0]
    output = node.output[0]
    coefficients = SIGMOID | attribute_values(node)
    return _clipped_line(graph, x, coefficients, output)


def _hard_swish(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    x = node.input[0]
    output = node.output[0]
    gate = f"{output}_gate"
    gate_nodes = _clipped_line(graph, x, SWISH, gate)
    product = helper.make_node("Mul", inputs=[x, gate], outputs=[output], name=f"{output}_swish")
    return [*gate_nodes, product]


def _clipped_line(
    graph: onnx.GraphProto, x: str, coefficients: dict[str, float], output: str
) -> list[onnx.NodeProto]:
    """Return nodes that compute clip(alpha * x + beta, 0, 1)."""
    low = add_initializer(graph, f"{output}_least", np.float32(0))
    high = add_initializer(graph, f"{output}_most", np.float32(1))
    alpha = np.float32(coefficients["alpha"])
    beta = np.float32(coefficients["beta"])
    shifted = f"{output}_shifted"
    line_nodes = _affine(graph, x, (alpha, beta), shifted)
    clip = helper.make_node(
        "Clip", inputs=[shifted, low, high], outputs=[output], name=f"{output}_clip"
    )
    return [*line_nodes, clip]


def _batch_norm(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    tensors = initializers(graph)
    x, *names = node.input
    if x not in ranks(graph):
        return None
    if not tensors.keys() >= set(names):
        return None
    parameters: list[NDArray[np.float64]] = []
    for name in names:
        array = numpy_helper.to_array(tensors[name])
        parameters.append(array.astype(np.float64))
    gamma, beta, mean, variance = parameters
    attributes = attribute_values(node)
    epsilon = attributes.get("epsilon", EPSILON)
    deviation = np.sqrt(variance + epsilon)
    scale = gamma / deviation
    shift = beta - mean * scale
    rank = ranks(graph)[x]
    factor = _per_channel(scale, rank)
    summand = _per_channel(shift, rank)
    output = node.output[0]
    return _affine(graph, x, (factor, summand), output)


def _per_channel(values: NDArray[np.float64], rank: int) -> NDArray[np.float32]:
    """Return one value per channel as float32 [1, c, ...], with as many axes as the activation."""
    spatial_axes = rank - 2  # of BatchNorm1d behind a dense layer there are none
    channels_first = (1, -1, *[1] * spatial_axes)
    return values.astype(np.float32).reshape(channels_first)


def _affine(
    graph: onnx.GraphProto,
    x: str,
    coefficients: tuple[NDArray[np.float32], NDArray[np.float32]] | tuple[np.float32, np.float32],
    output: str,
) -> list[onnx.NodeProto]:
    """Return nodes that compute scale * x + shift."""
    scale, shift = coefficients
    # Not called `_scale`: the quantizer takes every initializer of such a name for one of its own.
    factor = add_initializer(graph, f"{output}_factor", scale)
    summand = add_initializer(graph, f"{output}_summand", shift)
    scaled = f"{output}_scaled"
    product = helper.make_node("Mul", inputs=[x, factor], outputs=[scaled], name=f"{output}_mul")
    total = helper.make_node(
        "Add", inputs=[scaled, summand], outputs=[output], name=f"{output}_add"
    )
    return [product, total]


DECOMPOSITIONS: dict[str, Decomposition] = {
    "BatchNormalization": _batch_norm,
    "ConvTranspose": transposed_convolution,
    "Div": decompose_arithmetic.quotient,
    "GlobalMaxPool": decompose_reductions.maximum,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Neg": decompose_arithmetic.negation,
    "PRelu": decompose_arithmetic.parametric_rectifier,
    "ReduceMax": decompose_reductions.maximum,
    "ReduceMean": decompose_reductions.mean,
    "ReduceSum": decompose_reductions.total,
    "Sub": decompose_arithmetic.difference,
    "Tanh": decompose_arithmetic.hyperbolic_tangent,
}
