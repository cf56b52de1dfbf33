"""Find the activation function that computes the output of a .tflite graph."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from edgebake.models import final_activation
from edgebake.models.final_activation import LINEAR, OperatorKinds, Producer
from edgebake.models.tflite import tables

if TYPE_CHECKING:
    from ai_edge_litert import schema_py_generated as schema

KINDS = OperatorKinds(
    activations={
        "SOFTMAX": "softmax",
        "LOGISTIC": "sigmoid",
        "LOG_SOFTMAX": "log_softmax",
        "FULLY_CONNECTED": LINEAR,
        "CONV_2D": LINEAR,
    },
    moves=("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE"),
    sums=("ADD", "MEAN", "AVERAGE_POOL_2D"),
)
FUSED = "with a fused activation function"  # a kind that KINDS does not list


def of_graph(model: schema.ModelT) -> str | None:
    """Return the activation function of the first output, for example `softmax` or `linear`.

    None if it is not known.
    """
    graph = model.subgraphs[0]
    if not len(graph.outputs):
        return None
    producers: dict[Hashable, Producer] = {}
    for operator in graph.operators:
        kind = tables.builtin_name(model.operatorCodes[operator.opcodeIndex])
        if getattr(operator.builtinOptions, "fusedActivationFunction", 0):
            kind = FUSED
        inputs = tuple(int(index) for index in operator.inputs if not _is_constant(model, index))
        for index in operator.outputs:
            producers[int(index)] = Producer(kind, inputs)
    return final_activation.find(int(graph.outputs[0]), producers, KINDS)


def _is_constant(model: schema.ModelT, index: int) -> bool:
    """Return whether a tensor is a constant, or the input that an operator leaves out."""
    if index < 0:
        return True
    return tables.is_constant(model, model.subgraphs[0].tensors[index])
