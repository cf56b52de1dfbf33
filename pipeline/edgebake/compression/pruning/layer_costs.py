"""What each layer of a Keras model costs: multiply-accumulates of one image, and parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from edgebake.models.keras_graph import kind, nodes


@dataclass(frozen=True)
class LayerCost:
    """One layer with weights."""

    kind: str
    channels: int  # that it returns
    macs: int
    parameters: int


def count(model: Any) -> dict[str, LayerCost]:
    """Return the cost of each layer with weights by its name, in the order in which they run."""
    found: dict[str, LayerCost] = {}
    for node in nodes(model):
        layer = node.operation
        if getattr(layer, "weights", None):
            before = found.get(layer.name)
            macs = _macs(node) + (
                before.macs if before else 0
            )  # a layer that is used twice computes twice
            found[layer.name] = LayerCost(
                kind(layer), node.output_tensors[0].shape[-1], macs, layer.count_params()
            )
    return found


def total(costs: dict[str, LayerCost], word: str) -> int:
    """Return the sum of `macs` or `parameters`."""
    return sum(getattr(cost, word) for cost in costs.values())


def _macs(node: Any) -> int:
    """Return how often a weight of a kernel is multiplied; what is not a kernel is not counted."""
    kernels = [weight for weight in node.operation.weights if weight.name.endswith("kernel")]
    # A transposed convolution spreads each place that it reads; others gather for each place that they return.
    tensor = (node.input_tensors if "Transpose" in kind(node.operation) else node.output_tensors)[0]
    weights: int = sum(math.prod(kernel.shape) for kernel in kernels)
    places: int = math.prod(tensor.shape[1:-1])
    return weights * places
