"""Find the activation function that computes the output of an ONNX graph."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from edgebake.models import final_activation
from edgebake.models.final_activation import LINEAR, OperatorKinds, Producer

if TYPE_CHECKING:
    import onnx

KINDS = OperatorKinds(
    activations={
        "Softmax": "softmax",
        "Sigmoid": "sigmoid",
        "LogSoftmax": "log_softmax",
        "Gemm": LINEAR,
        "MatMul": LINEAR,
        "Conv": LINEAR,
    },
    moves=(
        "Identity",
        "Cast",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Dropout",
        "DequantizeLinear",
        "QuantizeLinear",
    ),
    sums=("Add", "GlobalAveragePool", "ReduceMean"),
)


def of_graph(graph: onnx.GraphProto) -> str | None:
    """Return the activation function of the first output, for example `softmax` or `linear`.

    None if it is not known.
    """
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants.update(node.output)
    producers: dict[Hashable, Producer] = {}
    for node in graph.node:
        inputs = tuple(name for name in node.input if name and name not in constants)
        for name in node.output:
            producers[name] = Producer(node.op_type, inputs)
    return final_activation.find(graph.output[0].name, producers, KINDS)
