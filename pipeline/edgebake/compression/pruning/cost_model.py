"""Cost of a model as a function of the number of channels that each family keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgebake.compression.pruning import channel_coupling, layer_costs

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.dependency_graph import Dependencies, Floats, GroupIds
    from edgebake.compression.pruning.layer_costs import LayerCost, Metric


@dataclass(frozen=True)
class CostModel:
    """Sum of products: unit cost * number of input channels * number of output channels.

    Numbers of channels are linear in the counts of the families. A row of `inputs` or `outputs`,
    [products, families + 1], has the channels per channel of each family that is kept; its last
    column is the number of channels that are never pruned. `unit` is [products].
    """

    unit: Floats
    inputs: Floats
    outputs: Floats

    def cost(self, counts: Floats) -> Floats:
        """Return the cost if families keep so many channels.

        `counts` has the shape [..., families], the result [...].
        """
        *outer_shape, _ = counts.shape
        constant = np.ones((*outer_shape, 1))
        channels = np.concatenate([counts, constant], axis=-1)
        input_channels = channels @ self.inputs.T
        output_channels = channels @ self.outputs.T
        products = input_channels * output_channels * self.unit
        total: Floats = products.sum(axis=-1)
        return total


class _Product(NamedTuple):
    unit: float
    inputs: Floats  # [families + 1]
    outputs: Floats


def build(model: keras.Model, dependencies: Dependencies, metric: Metric) -> CostModel:
    """Return the cost model of the multiply-accumulates or the parameters of a model."""
    products: list[_Product] = []
    for name, cost in layer_costs.count(model).items():
        products += _layer_products(model.get_layer(name), cost, dependencies, metric)
    return CostModel(
        unit=np.array([product.unit for product in products], np.float64),
        inputs=np.array([product.inputs for product in products], np.float64),
        outputs=np.array([product.outputs for product in products], np.float64),
    )


def _layer_products(
    layer: keras.Layer, cost: LayerCost, dependencies: Dependencies, metric: Metric
) -> Iterator[_Product]:
    """Yield the products of a layer: that of its kernel, and that of its other parameters."""
    channels = dependencies.channels[layer.name]
    outputs = _channels_per_family(channels.outputs, dependencies)
    constant = np.eye(len(dependencies.families) + 1)[-1]
    amount = cost.get(metric)
    if cost.kind == "PReLU" and layer.alpha.shape[-1] == 1:  # all channels share one slope
        yield _Product(amount, constant, constant)
        return
    if cost.kind not in channel_coupling.MIXING:
        yield _Product(amount / cost.channels, constant, outputs)
        return
    kernel_amount = amount
    if metric == "parameters":
        kernel_amount = math.prod(layer.kernel.shape)
    inputs = _channels_per_family(channels.inputs, dependencies)
    pairs = len(channels.inputs) * cost.channels
    yield _Product(kernel_amount / pairs, inputs, outputs)
    bias_amount = amount - kernel_amount
    yield _Product(bias_amount / cost.channels, constant, outputs)


def _channels_per_family(groups: GroupIds, dependencies: Dependencies) -> Floats:
    """Return the channels [families + 1] among groups [channels], as in a row of a cost model."""
    row = []
    unpruned = len(groups)
    for family in dependencies.families:
        members = np.isin(groups, family.groups).sum()
        row.append(members / len(family.groups))
        unpruned -= members
    return np.array([*row, unpruned])
