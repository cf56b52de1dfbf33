"""Cost of a model as a function of the number of channels that each family keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgebake.compression.pruning import layer_costs, operation_kinds
from edgebake.models.keras_graph import kind

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
        with_constant = (counts, constant)
        channels = np.concatenate(with_constant, axis=-1)
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
    units = []
    inputs = []
    outputs = []
    costs = layer_costs.count(model)
    for name, cost in costs.items():
        layer = model.get_layer(name)
        for product in _layer_products(layer, cost, dependencies, metric):
            units.append(product.unit)
            inputs.append(product.inputs)
            outputs.append(product.outputs)
    return CostModel(
        unit=np.array(units, np.float64),
        inputs=np.array(inputs, np.float64),
        outputs=np.array(outputs, np.float64),
    )


def _layer_products(
    layer: keras.Layer, cost: LayerCost, dependencies: Dependencies, metric: Metric
) -> Iterator[_Product]:
    """Yield the products of a layer: that of its kernel, and that of its other parameters."""
    channels = dependencies.channels[layer.name]
    outputs = _channels_per_family(channels.outputs, dependencies)
    family_count = len(dependencies.families)
    constant = np.zeros(family_count + 1)
    constant[-1] = 1
    amount = cost.get(metric)
    if _shares_slope(layer):
        yield _Product(amount, constant, constant)
        return
    if cost.kind not in operation_kinds.MIXING:
        amount_per_channel = amount / cost.channels
        yield _Product(amount_per_channel, constant, outputs)
        return
    kernel_amount = amount
    if metric == "parameters":
        kernel_amount = math.prod(layer.kernel.shape)
    inputs = _channels_per_family(channels.inputs, dependencies)
    pairs = len(channels.inputs) * cost.channels
    amount_per_pair = kernel_amount / pairs
    yield _Product(amount_per_pair, inputs, outputs)
    bias_amount = amount - kernel_amount
    bias_per_channel = bias_amount / cost.channels
    yield _Product(bias_per_channel, constant, outputs)


def _shares_slope(layer: keras.Layer) -> bool:
    """Return whether a layer is a PReLU with one slope for all channels."""
    return kind(layer) == "PReLU" and bool(layer.alpha.shape[-1] == 1)


def _channels_per_family(groups: GroupIds, dependencies: Dependencies) -> Floats:
    """Return the channels [families + 1] among groups [channels], as in a row of a cost model."""
    row = []
    unpruned = len(groups)
    for family in dependencies.families:
        is_member = np.isin(groups, family.groups)
        members = is_member.sum()
        channels_per_group = members / len(family.groups)
        row.append(channels_per_group)
        unpruned -= members
    row.append(unpruned)
    return np.array(row)
