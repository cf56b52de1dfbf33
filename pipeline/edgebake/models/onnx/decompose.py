"""A float graph in, the same out without operators that ONNX Runtime has no integer kernels for, where others say it.

Reads and writes nothing. Files whose activations stay in float keep the operators that they have.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx.float_graph import attribute_values

# What HardSwish means by HardSigmoid, and the defaults of both other operators: https://onnx.ai/onnx/operators.
SWISH = {"alpha": 1 / 6, "beta": 0.5}
SIGMOID = {"alpha": 0.2, "beta": 0.5}
EPSILON = {"epsilon": 1e-5}
# Ends of constants' names. `_scale` is how the quantizer calls its own, and it takes for them whatever has the name.
NAMES = ("factor", "summand")


def decompose(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with sums, products and clips for hard activations, and for batch norms that no layer took in.

    Between them are values that such a graph alone has.
    """
    graph = model.graph
    nodes = list(graph.node)
    if not any(node.op_type in SPELLINGS for node in nodes):
        return model
    found = [
        one
        for node in nodes
        for one in (SPELLINGS[node.op_type](node, graph) if _can(node, graph) else [node])
    ]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in found]
    del graph.node[:]
    graph.node.extend(copies)
    return onnx.shape_inference.infer_shapes(model)


def _can(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    if node.op_type != "BatchNormalization":
        return node.op_type in SPELLINGS
    constants = {item.name for item in graph.initializer}
    return constants.issuperset(node.input[1:])


def _hard_sigmoid(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    words = SIGMOID | attribute_values(node)
    return _clipped(node, graph, words, node.output[0])


def _hard_swish(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    given, answer = node.input[0], node.output[0]
    gate = f"{answer}_gate"
    return [
        *_clipped(node, graph, SWISH, gate),
        helper.make_node("Mul", [given, gate], [answer], f"{answer}_swish"),
    ]


def _clipped(
    node: onnx.NodeProto, graph: onnx.GraphProto, words: dict[str, Any], output: str
) -> list[onnx.NodeProto]:
    """Return clip(alpha * x + beta, 0, 1)."""
    shifted = f"{output}_shifted"
    limits = [
        _constant(graph, f"{output}_{word}", np.float32(value))
        for word, value in (("least", 0), ("most", 1))
    ]
    scale, shift = np.float32(words["alpha"]), np.float32(words["beta"])
    return [
        *_affine(graph, node.input[0], (scale, shift), shifted),
        helper.make_node("Clip", [shifted, *limits], [output], f"{output}_clip"),
    ]


def _batch_norm(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    held = {item.name: item for item in graph.initializer}
    gamma, beta, mean, variance = (
        numpy_helper.to_array(held[name]).astype(np.float64) for name in node.input[1:]
    )
    scale = gamma / np.sqrt(variance + (EPSILON | attribute_values(node))["epsilon"])
    shape = (1, -1, 1, 1)
    numbers = (np.float32(scale).reshape(shape), np.float32(beta - mean * scale).reshape(shape))
    return _affine(graph, node.input[0], numbers, node.output[0])


def _affine(
    graph: onnx.GraphProto, given: str, numbers: tuple[Any, Any], output: str
) -> list[onnx.NodeProto]:
    """Return scale * x + shift."""
    scale, shift = (
        _constant(graph, f"{output}_{word}", value)
        for word, value in zip(NAMES, numbers, strict=True)
    )
    scaled = f"{output}_scaled"
    return [
        helper.make_node("Mul", [given, scale], [scaled], f"{output}_mul"),
        helper.make_node("Add", [scaled, shift], [output], f"{output}_add"),
    ]


def _constant(graph: onnx.GraphProto, name: str, value: NDArray[np.float32] | np.float32) -> str:
    graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    return name


SPELLINGS: dict[str, Callable[[onnx.NodeProto, onnx.GraphProto], list[onnx.NodeProto]]] = {
    "BatchNormalization": _batch_norm,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
}
