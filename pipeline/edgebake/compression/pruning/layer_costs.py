"""Multiply-accumulates and parameters of each layer of a Keras model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from edgebake.models.keras_graph import kind, nodes

if TYPE_CHECKING:
    import keras

    from edgebake.models.keras_graph import Node

Metric: TypeAlias = Literal["macs", "parameters"]


@dataclass(frozen=True)
class LayerCost:
    """Cost of a layer with weights."""

    kind: str
    channels: int  # of the output
    macs: int  # for one image
    parameters: int

    def get(self, metric: Metric) -> int:
        """Return one of the costs."""
        if metric == "macs":
            return self.macs
        return self.parameters


def count(model: keras.Model) -> dict[str, LayerCost]:
    """Return the cost of each layer with weights by its name, in the order in which they run."""
    costs: dict[str, LayerCost] = {}
    for node in nodes(model):
        layer = node.operation
        if not getattr(layer, "weights", None):
            continue
        macs = _count_macs(node)
        if layer.name in costs:  # a layer that is called twice
            macs += costs[layer.name].macs
        costs[layer.name] = LayerCost(
            kind=kind(layer),
            channels=node.output_tensors[0].shape[-1],
            macs=macs,
            parameters=layer.count_params(),
        )
    return costs


def total(costs: dict[str, LayerCost], metric: Metric) -> int:
    """Return the sum of a cost over all layers."""
    return sum(cost.get(metric) for cost in costs.values())


def _count_macs(node: Node) -> int:
    """Return the multiplications by weights of kernels; operations without a kernel count as 0."""
    layer = node.operation
    # A transposed convolution applies its kernel at each input position, others at each output.
    tensor = node.output_tensors[0]
    if "Transpose" in kind(layer):
        tensor = node.input_tensors[0]
    positions: int = math.prod(tensor.shape[1:-1])
    kernel_size = 0
    for weight in layer.weights:
        if weight.name.endswith("kernel"):
            kernel_size += math.prod(weight.shape)
    return kernel_size * positions
