"""A float graph in, the same out without the activations that ONNX Runtime has no integer kernels for.

Reads and writes nothing. Files whose activations stay in float keep the operators that they have.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

# What HardSwish means by HardSigmoid (https://onnx.ai/onnx/operators/onnx__HardSwish.html).
SWISH = {"alpha": 1 / 6, "beta": 0.5}
SIGMOID = {"alpha": 0.2, "beta": 0.5}  # the operator's own defaults
HARD = ("HardSigmoid", "HardSwish")


def spelled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with hard sigmoids and swishes as the sums, products and clips that they stand for."""
    graph = model.graph
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes += _spelled(node, graph) if node.op_type in HARD else [node]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    return model


def _spelled(node: onnx.NodeProto, graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield clip(alpha * x + beta, 0, 1), and x times that for a swish."""
    is_swish = node.op_type == "HardSwish"
    words: dict[str, Any] = SWISH if is_swish else SIGMOID | _words(node)
    given, answer = node.input[0], node.output[0]
    gate = f"{answer}_gate" if is_swish else answer
    constants = {"alpha": words["alpha"], "beta": words["beta"], "zero": 0, "one": 1}
    for word, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{answer}_{word}"))
    yield helper.make_node("Mul", [given, f"{answer}_alpha"], [f"{answer}_scaled"], f"{answer}_scale")
    yield helper.make_node("Add", [f"{answer}_scaled", f"{answer}_beta"], [f"{answer}_shifted"], f"{answer}_shift")
    limits = [f"{answer}_zero", f"{answer}_one"]
    yield helper.make_node("Clip", [f"{answer}_shifted", *limits], [gate], f"{answer}_clip")
    if is_swish:
        yield helper.make_node("Mul", [given, gate], [answer], f"{answer}_swish")


def _words(node: onnx.NodeProto) -> dict[str, Any]:
    return {word.name: helper.get_attribute_value(word) for word in node.attribute}
