"""Selection of the channels that are pruned, from their importance and a target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.pruning import cost_model, importance
from edgebake.errors import ConversionError
from edgebake.recipe import ImportanceScore

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.cost_model import CostModel
    from edgebake.compression.pruning.dependency_graph import (
        Dependencies,
        Family,
        Floats,
        GroupIds,
    )
    from edgebake.compression.pruning.layer_costs import Metric
    from edgebake.training.loop import TrainingSplits


@dataclass(frozen=True)
class Limits:
    """Allowed numbers of channels of a family: a smallest share of the original, and a multiple."""

    floor: float
    multiple: int
    original_sizes: dict[tuple[str, ...], int]  # by the layers of a family

    def original_size(self, family: Family) -> int:
        """Return the number of channels in the original model.

        A family may be new: if families are pruned to one channel each, they are coupled.
        """
        return self.original_sizes.get(family.layers, len(family.groups))

    def minimum(self, family: Family) -> int:
        """Return the smallest number of channels that has to stay."""
        size = self.original_size(family)
        # The small number makes up for rounding errors of the product.
        multiples = math.ceil(size * self.floor / self.multiple - 1e-9)
        return min(size, max(multiples * self.multiple, self.multiple))

    def nearest(self, family: Family, share: float) -> int:
        """Return the allowed number of channels that is nearest to a share of the original."""
        size = self.original_size(family)
        rounded = round(size * share / self.multiple) * self.multiple
        return min(len(family.groups), max(rounded, self.minimum(family)))

    def next_lower(self, family: Family, count: int) -> int | None:
        """Return the next lower allowed number of channels; None if there is none."""
        lower = (count - 1) // self.multiple * self.multiple
        if lower < self.minimum(family):
            return None
        return lower


@dataclass(frozen=True)
class RankedChannels:
    """A model's families of channels with their groups ranked by importance."""

    model: keras.Model
    dependencies: Dependencies
    ranking: list[GroupIds]  # of each family, the least important group first
    importance: Floats  # [groups]
    limits: Limits
    is_comparable: bool  # whether the importance of different families can be compared

    @property
    def sizes(self) -> Floats:
        """Return the number of groups of each family, [families]."""
        return np.array([len(groups) for groups in self.ranking], np.float64)

    def removed_groups(self, counts: Floats) -> GroupIds:
        """Return the groups that are pruned if families keep so many channels, [families]."""
        removed = [np.zeros(0, np.int64)]
        for groups, count in zip(self.ranking, counts, strict=True):
            excess = len(groups) - int(count)
            removed.append(groups[:excess])
        return np.concatenate(removed)

    def importance_lost(self, family: int, before: int, after: int) -> float:
        """Return the total importance of the groups between two counts of a family."""
        groups = self.ranking[family]
        first = len(groups) - before
        end = len(groups) - after
        lost = groups[first:end]
        return float(self.importance[lost].sum())


def rank(
    model: keras.Model,
    dependencies: Dependencies,
    score: ImportanceScore,
    splits: TrainingSplits,
    limits: Limits,
) -> RankedChannels:
    """Rank the groups of each family; of equally important ones, the first channel goes first.

    Families with groups that the score does not cover are not pruned.
    """
    scores = importance.importance_of_groups(model, dependencies, score, splits)
    scored = []
    unscored_layers: set[str] = set()
    for family in dependencies.families:
        if np.isnan(scores[family.groups]).any():
            unscored_layers.update(family.layers)
        else:
            scored.append(family)
    reason = f"the score {score.value} says nothing of its channels"
    unpruned = dependencies.unpruned | dict.fromkeys(sorted(unscored_layers), reason)
    ranking = []
    for family in scored:
        order = np.argsort(scores[family.groups], kind="stable")
        ranking.append(family.groups[order])
    return RankedChannels(
        model,
        replace(dependencies, families=scored, unpruned=unpruned),
        ranking,
        scores,
        limits,
        is_comparable=score is ImportanceScore.taylor,
    )


def by_share(ranked: RankedChannels, share: float) -> Floats:
    """Return the counts [families] at which each family keeps the same share of its channels."""
    families = ranked.dependencies.families
    return np.array([ranked.limits.nearest(family, share) for family in families], np.float64)


def by_cost(ranked: RankedChannels, metric: Metric, target: float) -> Floats:
    """Return counts [families] at which a cost is at most `target`.

    They are the first ones on the path whose cost is low enough, plus channels that the last steps
    removed without need.

    Raises:
        ConversionError: the target is not reached with all families at their minimum.
    """
    costs = cost_model.build(ranked.model, ranked.dependencies, metric)
    visited = []
    for counts in path(ranked, costs):
        visited.append(counts)
        if costs.cost(counts) <= target:
            return _restore_channels(visited, costs, target)
    smallest = float(costs.cost(visited[-1]))
    raise ConversionError(
        f"prune.target.{metric}: {smallest:,.0f} remain with every layer at its floor; "
        f"expected at most {target:,.0f}: lower prune.floor or raise prune.target.{metric}"
    )


def _restore_channels(visited: list[Floats], costs: CostModel, target: float) -> Floats:
    """Undo the steps of a path, the latest first, that the target does not need."""
    counts = visited[-1]
    for earlier in reversed(visited[:-1]):
        fuller = np.maximum(earlier, counts)
        for family in np.flatnonzero(fuller > counts):
            candidate = counts.copy()
            candidate[family] = fuller[family]
            if costs.cost(candidate) <= target:
                counts = candidate
    return counts


def path(ranked: RankedChannels, costs: CostModel) -> Iterator[Floats]:
    """Yield counts [families] from all channels to the minimum, one family's step at a time.

    If importance is comparable, the next step is the one with the smallest importance per cost
    saved; otherwise it is in the family that keeps the largest share of its channels.
    """
    counts: Floats | None = ranked.sizes
    while counts is not None:
        yield counts
        counts = _next_counts(ranked, costs, counts)


def _next_counts(ranked: RankedChannels, costs: CostModel, counts: Floats) -> Floats | None:
    """Return the counts [families] after the next step; None if all are at their minimum."""
    candidates = []
    ratings = []  # the lowest is best
    for number, family in enumerate(ranked.dependencies.families):
        count = int(counts[number])
        lower = ranked.limits.next_lower(family, count)
        if lower is None:
            continue
        candidate = counts.copy()
        candidate[number] = lower
        candidates.append(candidate)
        if ranked.is_comparable:
            ratings.append(ranked.importance_lost(number, count, lower))
        else:
            ratings.append(-count / ranked.limits.original_size(family))
    if not candidates:
        return None
    if ranked.is_comparable:
        saved = costs.cost(counts) - costs.cost(np.array(candidates))
        best = int(np.argmin(np.array(ratings) / saved))
    else:
        best = int(np.argmin(ratings))
    return candidates[best]
