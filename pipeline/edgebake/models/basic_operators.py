"""Replace operators of TensorFlow by ones that converters know.

A converter that lacks an operator, or writes it as others that overflow, names it, and gets a graph
that computes the same with others. So no operator has to be added for one converter and forgotten
for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from edgebake.models import frozen_function, index_operators, resize_operators
from edgebake.models.graph_nodes import Nodes, constant_value

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

CONVOLUTION = "Conv2D"
# LiteRT lacks the latter two. Its converter writes softplus as log(exp(x) + 1), which is infinite
# for x > 88.7, and SELU with an exp(x) that has no upper bound. Its kernel of 1 / sqrt(0) answers
# NaN, where TensorFlow's is infinite and Keras' UnitNormalization bounds it.
OVERFLOWING_IN_LITERT = ("Rsqrt", "Selu", "Softplus")
SMALLEST_RADICAND = 1e-30
# Of Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
# erf(x) is x * p(x * x) / q(x * x) for x between -4 and 4, to 4e-7; coefficients of Eigen and XLA,
# those of the highest power first. Source: XLA, xla/hlo/builder/lib/math.cc, ErfImpl32.
ERF_LIMIT = 4
ERF_NUMERATOR = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
ERF_DENOMINATOR = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


def replace(
    frozen: tf.types.experimental.ConcreteFunction, operators: Collection[str]
) -> tf.types.experimental.ConcreteFunction:
    """Return a frozen function without these operators, if it holds any in float32.

    Args:
        frozen: of any graph.
        operators: keys of REPLACEMENTS.
    """
    replacements: dict[str, list[NodeDef]] = {}
    for operation in frozen.graph.get_operations():
        if operation.type in operators and _reads_float32(operation):
            replacement = REPLACEMENTS[operation.type]
            nodes = replacement(operation)
            if nodes:
                replacements[operation.name] = nodes
    if not replacements:
        return frozen
    graph = frozen.graph.as_graph_def()
    nodes = []
    for node in graph.node:
        nodes += replacements.get(node.name, [node])
    del graph.node[:]
    graph.node.extend(nodes)
    return frozen_function.from_graph(graph, frozen.inputs, frozen.outputs)


def _reads_float32(operation: tf.Operation) -> bool:
    first = operation.inputs[0]
    dtype: str = first.dtype.name
    return dtype == "float32"


def _erfc(operation: tf.Operation) -> list[NodeDef]:
    """Return 1 - erf(x): the exact GELU is x / 2 * erfc(-x / sqrt(2))."""
    nodes = Nodes(operation)
    x = nodes.input(0)
    erf = nodes.add("Erf", [x])
    unit = nodes.number(1)
    nodes.add("Sub", [unit, erf])
    return nodes.finish()


def _expm1(operation: tf.Operation) -> list[NodeDef]:
    """Return exp(x) - 1, which CELU computes of negative numbers."""
    nodes = Nodes(operation)
    x = nodes.input(0)
    exp = nodes.add("Exp", [x])
    unit = nodes.number(1)
    nodes.add("Sub", [exp, unit])
    return nodes.finish()


def _softplus(operation: tf.Operation) -> list[NodeDef]:
    """Return max(x, 0) - log(sigmoid(|x|)) for log(1 + exp(x)); this sigmoid is 0.5 to 1."""
    nodes = Nodes(operation)
    x = nodes.input(0)
    positive = nodes.add("Relu", [x])
    magnitude = nodes.add("Abs", [x])
    share = nodes.add("Sigmoid", [magnitude])
    logarithm = nodes.add("Log", [share])
    nodes.add("Sub", [positive, logarithm])
    return nodes.finish()


def _rsqrt(operation: tf.Operation) -> list[NodeDef]:
    """Return 1 / sqrt(max(x, 1e-30)); nothing if x has a positive summand or bound already."""
    radicand = operation.inputs[0].op
    if radicand.type in ("Add", "AddV2", "Maximum"):
        for tensor in radicand.inputs:
            value = constant_value(tensor)
            if value is None:
                continue
            is_positive = value > 0
            if is_positive.all():
                return []
    nodes = Nodes(operation)
    x = nodes.input(0)
    smallest = nodes.number(SMALLEST_RADICAND)
    bounded = nodes.add("Maximum", [x, smallest])
    nodes.add("Rsqrt", [bounded])
    return nodes.finish()


def _selu(operation: tf.Operation) -> list[NodeDef]:
    """Return scale * (max(x, 0) + alpha * elu(min(x, 0))) for SELU."""
    nodes = Nodes(operation)
    x = nodes.input(0)
    positive = nodes.add("Relu", [x])
    zero = nodes.number(0)
    negative = nodes.add("Minimum", [x, zero])
    exponential = nodes.add("Elu", [negative])
    alpha = nodes.number(SELU_ALPHA)
    scaled = nodes.add("Mul", [exponential, alpha])
    total = nodes.add("AddV2", [positive, scaled])
    scale = nodes.number(SELU_SCALE)
    nodes.add("Mul", [total, scale])
    return nodes.finish()


def _log1p(operation: tf.Operation) -> list[NodeDef]:
    nodes = Nodes(operation)
    x = nodes.input(0)
    unit = nodes.number(1)
    total = nodes.add("AddV2", [x, unit])
    nodes.add("Log", [total])
    return nodes.finish()


def _is_nan(operation: tf.Operation) -> list[NodeDef]:
    """Return x != x, which holds of NaN alone."""
    nodes = Nodes(operation)
    x = nodes.input(0)
    nodes.add("NotEqual", [x, x])
    return nodes.finish()


def _erf(operation: tf.Operation) -> list[NodeDef]:
    """Return a quotient of polynomials."""
    nodes = Nodes(operation)
    x = nodes.input(0)
    upper_limit = nodes.number(ERF_LIMIT)
    below = nodes.add("Minimum", [x, upper_limit])
    lower_limit = nodes.number(-ERF_LIMIT)
    bounded = nodes.add("Maximum", [below, lower_limit])
    square = nodes.add("Mul", [bounded, bounded])
    odd_factor = _polynomial(nodes, square, ERF_NUMERATOR)
    numerator = nodes.add("Mul", [bounded, odd_factor])
    denominator = _polynomial(nodes, square, ERF_DENOMINATOR)
    nodes.add("RealDiv", [numerator, denominator])
    return nodes.finish()


def _polynomial(nodes: Nodes, x: str, coefficients: Sequence[float]) -> str:
    """Add a polynomial of a tensor by Horner's rule; return the name of its value."""
    first, *others = coefficients
    value = nodes.number(first)
    for coefficient in others:
        product = nodes.add("Mul", [value, x])
        summand = nodes.number(coefficient)
        value = nodes.add("AddV2", [product, summand])
    return value


def _depthwise(operation: tf.Operation) -> list[NodeDef]:
    """Return a depthwise convolution for one of as many groups as channels; else nothing.

    It is the same sum, but runtimes have fast kernels for it, and integer ones.
    """
    image, kernel = operation.inputs
    height, width, channels_per_group, filters = kernel.shape
    channels = image.shape[-1]
    layout = operation.get_attr("data_format")
    _, row_stride, column_stride, _ = operation.get_attr("strides")
    dilations = set(operation.get_attr("dilations"))
    if channels_per_group != 1 or channels in (None, 1):
        return []
    if layout != b"NHWC" or dilations != {1}:
        return []
    if row_stride != column_stride:
        return []
    values = constant_value(kernel)
    if values is None:
        return []
    filters_per_channel = filters // channels
    by_channel = values.reshape(height, width, channels, filters_per_channel)
    nodes = Nodes(operation)
    stored = nodes.constant(by_channel)
    names = ("strides", "padding", "data_format", "dilations", "explicit_paddings")
    x = nodes.input(0)
    nodes.add("DepthwiseConv2dNative", [x, stored], copied=names)
    return nodes.finish()


REPLACEMENTS: dict[str, Callable[[tf.Operation], list[NodeDef]]] = {
    CONVOLUTION: _depthwise,
    "Erf": _erf,
    "Erfc": _erfc,
    "Expm1": _expm1,
    "IsNan": _is_nan,
    "Log1p": _log1p,
    "MirrorPad": index_operators.symmetric_padding,
    "ResizeBicubic": resize_operators.bicubic,
    "ResizeNearestNeighbor": index_operators.nearest_resizing,
    "Roll": index_operators.roll,
    "ScaleAndTranslate": resize_operators.scale_and_translate,
    "Rsqrt": _rsqrt,
    "Selu": _selu,
    "Softplus": _softplus,
}
