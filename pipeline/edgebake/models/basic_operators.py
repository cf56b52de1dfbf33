"""Replace operators of TensorFlow by ones that converters know.

A converter that lacks an operator names it, and gets a graph that computes the same with others.
So no operator has to be added for one converter and forgotten for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake.models import frozen_function

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef

CONVOLUTION = "Conv2D"


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
        if operation.type in operators and _is_float32(operation):
            nodes = REPLACEMENTS[operation.type](operation)
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


def _is_float32(operation: tf.Operation) -> bool:
    dtype: str = operation.outputs[0].dtype.name
    return dtype == "float32"


def _erfc(operation: tf.Operation) -> list[NodeDef]:
    """Return 1 - erf(x): the exact GELU is x / 2 * erfc(-x / sqrt(2))."""
    x = operation.inputs[0].name
    erf = _node("Erf", f"{operation.name}/erf", [x])
    one = _constant(f"{operation.name}/one", np.float32(1))
    return [erf, one, _node("Sub", operation.name, [one.name, erf.name])]


def _expm1(operation: tf.Operation) -> list[NodeDef]:
    """Return exp(x) - 1, which CELU computes of negative numbers."""
    x = operation.inputs[0].name
    exp = _node("Exp", f"{operation.name}/exp", [x])
    one = _constant(f"{operation.name}/one", np.float32(1))
    return [exp, one, _node("Sub", operation.name, [exp.name, one.name])]


def _depthwise(operation: tf.Operation) -> list[NodeDef]:
    """Return a depthwise convolution for one of as many groups as channels; else nothing.

    It is the same sum, but runtimes have fast kernels for it, and integer ones.
    """
    image, kernel = operation.inputs
    height, width, channels_per_group, filters = kernel.shape
    channels = image.shape[-1]
    is_last = operation.get_attr("data_format") == b"NHWC"
    _, row_stride, column_stride, _ = operation.get_attr("strides")
    is_plain = set(operation.get_attr("dilations")) == {1} and row_stride == column_stride
    if channels_per_group != 1 or channels in (None, 1) or not (is_last and is_plain):
        return []
    values = _constant_value(kernel)
    if values is None:
        return []
    by_channel = values.reshape(height, width, channels, filters // channels)
    stored = _constant(f"{operation.name}/kernel", by_channel)
    node = _node("DepthwiseConv2dNative", operation.name, [image.name, stored.name])
    for name in ("strides", "padding", "data_format", "dilations", "explicit_paddings"):
        node.attr[name].CopyFrom(operation.node_def.attr[name])
    return [stored, node]


def _constant_value(tensor: tf.Tensor) -> NDArray[np.float32] | None:
    """Return the value of a constant, also behind operators that pass it on; None: it is none."""
    import tensorflow

    operation = tensor.op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    if operation.type != "Const":
        return None
    return np.asarray(tensorflow.make_ndarray(operation.get_attr("value")))


def _node(operator: str, name: str, inputs: Iterable[str]) -> NodeDef:
    import tensorflow

    node = tensorflow.compat.v1.NodeDef(op=operator, name=name, input=inputs)
    node.attr["T"].type = tensorflow.float32.as_datatype_enum
    return node


def _constant(name: str, value: NDArray[np.float32] | np.float32) -> NodeDef:
    import tensorflow

    node = tensorflow.compat.v1.NodeDef(op="Const", name=name)
    node.attr["dtype"].type = tensorflow.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tensorflow.make_tensor_proto(value))
    return node


REPLACEMENTS: dict[str, Callable[[tf.Operation], list[NodeDef]]] = {
    CONVOLUTION: _depthwise,
    "Erfc": _erfc,
    "Expm1": _expm1,
}
