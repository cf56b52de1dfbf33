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
    from edgebake.compression.pruning.dependency_graph import Dependencies, Family, Floats, GroupIds
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
        size = len(family.groups)
        return self.original_sizes.get(family.layers, size)

    def minimum(self, family: Family) -> int:
        """Return the smallest number of channels that has to stay."""
        size = self.original_size(family)
        multiples = size * self.floor / self.multiple
        # The small number makes up for rounding errors of the product.
        whole_multiples = math.ceil(multiples - 1e-9)
        minimum = max(whole_multiples, 1) * self.multiple
        return min(size, minimum)

    def binding(self, family: Family) -> set[str]:
        """Return the limits, floor or multiple, without which fewer channels could stay.

        If only both together allow fewer, both are returned.
        """
        minimum = self.minimum(family)
        looser_limits = {"floor": replace(self, floor=0), "multiple": replace(self, multiple=1)}
        names = set()
        for name, limits in looser_limits.items():
            if limits.minimum(family) < minimum:
                names.add(name)
        if not names and minimum > 1:
            return set(looser_limits)
        return names

    def nearest(self, family: Family, share: float) -> int:
        """Return the allowed number of channels that is nearest to a share of the original."""
        size = self.original_size(family)
        multiples = round(size * share / self.multiple)
        nearest = multiples * self.multiple
        at_least_minimum = max(nearest, self.minimum(family))
        return min(at_least_minimum, len(family.groups))

    def next_lower(self, family: Family, count: int) -> int | None:
        """Return the next lower allowed number of channels; None if there is none."""
        multiples = (count - 1) // self.multiple
        lower = multiples * self.multiple
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
        sizes = [len(groups) for groups in self.ranking]
        return np.array(sizes, np.float64)

    def removed_groups(self, counts: Floats) -> GroupIds:
        """Return the groups that are pruned if families keep so many channels, [families]."""
        removed = [np.zeros(0, np.int64)]
        families = zip(self.ranking, counts, strict=True)
        for groups, count in families:
            excess = len(groups) - int(count)
            removed.append(groups[:excess])
        return np.concatenate(removed)

    def importance_lost(self, family: int, before: int, after: int) -> float:
        """Return the total importance of the groups between two counts of a family."""
        groups = self.ranking[family]
        first = len(groups) - before
        end = len(groups) - after
        lost = groups[first:end]
        importance = self.importance[lost]
        return float(importance.sum())


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
    ranking = []
    for family in dependencies.families:
        family_scores = scores[family.groups]
        if np.isnan(family_scores).any():
            unscored_layers.update(family.layers)
            continue
        order = np.argsort(family_scores, kind="stable")
        ranking.append(family.groups[order])
        scored.append(family)
    unpruned = dict(dependencies.unpruned)
    for layer in sorted(unscored_layers):
        unpruned[layer] = f"the score {score.value} is not defined for its channels"
    scored_dependencies = replace(dependencies, families=scored, unpruned=unpruned)
    return RankedChannels(
        model=model,
        dependencies=scored_dependencies,
        ranking=ranking,
        importance=scores,
        limits=limits,
        is_comparable=score is ImportanceScore.taylor,
    )


def by_share(ranked: RankedChannels, share: float) -> Floats:
    """Return the counts [families] at which each family keeps the same share of its channels."""
    counts = []
    for family in ranked.dependencies.families:
        count = ranked.limits.nearest(family, share)
        counts.append(count)
    return np.array(counts, np.float64)


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
    fewest_channels = visited[-1]
    smallest = float(costs.cost(fewest_channels))
    raise unreachable(ranked, metric, f"{smallest:,.0f} remain", f"{target:,.0f}")


def unreachable(ranked: RankedChannels, key: str, smallest: str, target: str) -> ConversionError:
    """Return an error that names the limits that keep a target from being reached.

    Args:
        ranked: the model that is pruned.
        key: of prune.target.
        smallest: what is left with all families at their minimum, as text.
        target: the largest allowed value, as text.
    """
    limits = ranked.limits
    names: set[str] = set()
    for family in ranked.dependencies.families:
        names |= limits.binding(family)
    minimum = {
        (): "one channel",
        ("floor",): "its floor",
        ("multiple",): f"the least multiple of {limits.multiple}",
        ("floor", "multiple"): f"its floor, or the least multiple of {limits.multiple}",
    }[tuple(sorted(names))]
    remedies = [f"lower prune.{name}" for name in sorted(names)]
    remedies.append(f"raise prune.target.{key}")
    return ConversionError(
        f"prune.target.{key}: {smallest} with every layer at {minimum}; "
        f"expected at most {target}: {' or '.join(remedies)}"
    )


def _restore_channels(visited: list[Floats], costs: CostModel, target: float) -> Floats:
    """Undo the steps of a path, the latest first, that the target does not need."""
    *earlier_counts, counts = visited
    for earlier in reversed(earlier_counts):
        fuller = np.maximum(earlier, counts)
        reduced = np.flatnonzero(fuller > counts)
        for family in reduced:
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
    limits = ranked.limits
    candidates = []
    ratings = []
    families = ranked.dependencies.families
    for number, family in enumerate(families):
        count = int(counts[number])
        lower = limits.next_lower(family, count)
        if lower is None:
            continue
        candidate = counts.copy()
        candidate[number] = lower
        candidates.append(candidate)
        if ranked.is_comparable:
            rating = ranked.importance_lost(number, count, lower)
        else:
            rating = -count / limits.original_size(family)
        ratings.append(rating)
    if not candidates:
        return None
    lowest_is_best = np.array(ratings)
    if ranked.is_comparable:
        candidate_costs = costs.cost(np.array(candidates))
        saved = costs.cost(counts) - candidate_costs
        lowest_is_best = lowest_is_best / saved
    best = int(np.argmin(lowest_is_best))
    return candidates[best]
