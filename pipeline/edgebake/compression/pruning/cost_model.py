"""What a model costs as a function of how many channels of each family stay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edgebake.compression.pruning import channel_coupling, layer_costs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.compression.pruning.dependency_graph import Dependencies, GroupIds
    from edgebake.compression.pruning.layer_costs import LayerCost

    Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class CostModel:
    """A sum of products: `unit` times the channels that are read times the channels that are returned.

    `reads` and `returns` [products, families + 1] say how many channels of a layer come with one of a family; the last
    column counts those that always stay.
    """

    unit: Numbers
    reads: Numbers
    returns: Numbers

    def of(self, counts: Numbers) -> Numbers:
        """Return the cost where so many channels of each family stay, [..., families] -> [...]."""
        all_counts = np.concatenate([counts, np.ones((*counts.shape[:-1], 1))], axis=-1)
        total: Numbers = (
            (all_counts @ self.reads.T) * (all_counts @ self.returns.T) * self.unit
        ).sum(axis=-1)
        return total


def build(model: Any, found: Dependencies, word: str) -> CostModel:
    """Return the bill in `macs` or in `parameters`."""
    rows = [
        row
        for name, cost in layer_costs.count(model).items()
        for row in _products(model.get_layer(name), cost, found, word)
    ]
    unit, reads, returns = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    return CostModel(unit, reads, returns)


def _products(
    layer: Any, cost: LayerCost, found: Dependencies, word: str
) -> Iterator[tuple[float, Numbers, Numbers]]:
    """Yield what grows with channels read and returned, and what grows with channels returned alone."""
    channels, amount = found.channels[layer.name], getattr(cost, word)
    returns, once = _by_family(channels.outputs, found), np.eye(len(found.families) + 1)[-1]
    if cost.kind == "PReLU" and layer.alpha.shape[-1] == 1:  # all channels share one slope
        yield amount, once, once
        return
    if cost.kind not in channel_coupling.MIXING:
        yield amount / cost.channels, once, returns
        return
    weighed = amount if word == "macs" else math.prod(layer.kernel.shape)
    yield (
        weighed / (len(channels.inputs) * cost.channels),
        _by_family(channels.inputs, found),
        returns,
    )
    yield (amount - weighed) / cost.channels, once, returns


def _by_family(groups: GroupIds, found: Dependencies) -> Numbers:
    """Return how many of these channels come with one of each family, and how many always stay."""
    inside = [np.isin(groups, family.groups).sum() for family in found.families]
    sizes = [len(family.groups) for family in found.families]
    return np.array(
        [
            *(count / size for count, size in zip(inside, sizes, strict=True)),
            len(groups) - sum(inside),
        ]
    )
