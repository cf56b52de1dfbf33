"""Write arithmetic without integer kernels as sums, products, sigmoids and rectifiers.

Every function takes a node and its graph, to which it may add initializers, and returns the nodes
that compute the same, or None if the node has to stay as it is.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx.graph import add_initializer, initializers


def negation(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return -x as x * -1."""
    return [_times(graph, node.input[0], np.float32(-1), node.output[0])]


def difference(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return a - b as a + (-b)."""
    minuend, subtrahend = node.input
    output = node.output[0]
    constant = _constant(subtrahend, graph)
    if constant is not None:
        negative = add_initializer(graph, f"{output}_negative", -constant)
        return [_node("Add", [minuend, negative], output)]
    negative = f"{output}_negative"
    negation_node = _times(graph, subtrahend, np.float32(-1), negative)
    return [negation_node, _node("Add", [negative, minuend], output)]


def quotient(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """Return a / constant as a product; None for another divisor."""
    dividend, divisor = node.input
    constant = _constant(divisor, graph)
    if constant is None or not np.all(constant):
        return None
    return [_times(graph, dividend, np.float32(1) / constant, node.output[0])]


def hyperbolic_tangent(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return tanh(x) as 2 * sigmoid(2 * x) - 1."""
    output = node.output[0]
    doubled = f"{output}_doubled"
    gate = f"{output}_gate"
    spread = f"{output}_spread"
    minus_one = add_initializer(graph, f"{output}_minus_one", np.float32(-1))
    return [
        _times(graph, node.input[0], np.float32(2), doubled),
        _node("Sigmoid", [doubled], gate),
        _times(graph, gate, np.float32(2), spread),
        _node("Add", [spread, minus_one], output),
    ]


def parametric_rectifier(
    node: onnx.NodeProto, graph: onnx.GraphProto
) -> list[onnx.NodeProto] | None:
    """Return relu(x) - slope * relu(-x), or LeakyRelu for equal slopes; None: slopes not stored."""
    x, slope_name = node.input
    output = node.output[0]
    slope = _constant(slope_name, graph)
    if slope is None:
        return None
    alpha = float(slope.reshape(-1)[0])
    if np.all(slope == slope.reshape(-1)[0]):
        leaky = helper.make_node(
            "LeakyRelu", inputs=[x], outputs=[output], name=f"{output}_leaky", alpha=alpha
        )
        return [leaky]
    positive = f"{output}_positive"
    flipped = f"{output}_flipped"
    negative = f"{output}_negative"
    sloped = f"{output}_sloped"
    return [
        _node("Relu", [x], positive),
        _times(graph, x, np.float32(-1), flipped),
        _node("Relu", [flipped], negative),
        _times(graph, negative, -slope, sloped),
        _node("Add", [positive, sloped], output),
    ]


def _times(
    graph: onnx.GraphProto, x: str, factor: NDArray[np.float32] | np.float32, output: str
) -> onnx.NodeProto:
    name = add_initializer(graph, f"{output}_factor", factor)
    return _node("Mul", [x, name], output)


def _node(operator: str, inputs: list[str], output: str) -> onnx.NodeProto:
    name = f"{output}_{operator.lower()}"
    return helper.make_node(operator, inputs=inputs, outputs=[output], name=name)


def _constant(name: str, graph: onnx.GraphProto) -> NDArray[np.float32] | None:
    """Return a stored float32 tensor; None if it is computed."""
    tensor = initializers(graph).get(name)
    if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT:
        return None
    return numpy_helper.to_array(tensor)
