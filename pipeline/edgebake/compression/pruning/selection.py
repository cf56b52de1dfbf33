"""Scores and a goal in, the groups of channels that go out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.compression.pruning import cost_model, importance
from edgebake.errors import ConversionError
from edgebake.recipe import ImportanceScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.compression.pruning.cost_model import CostModel
    from edgebake.compression.pruning.dependency_graph import Dependencies, Family, GroupIds
    from edgebake.training.loop import TrainingSplits

    Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """How far a family may be cut: to a share of the channels that it had in the parent, and to a multiple."""

    floor: float
    multiple: int
    full: dict[tuple[str, ...], int]  # channels in the parent, by the layers of a family

    def size(self, family: Family) -> int:
        """Return how many channels the parent has; families of one channel each may have become one, and end there."""
        return self.full.get(family.layers, len(family.groups))

    def least(self, family: Family) -> int:
        """Return how many channels have to stay."""
        size = self.size(family)
        rounded = math.ceil(size * self.floor / self.multiple - 1e-9) * self.multiple
        return min(size, max(rounded, self.multiple))

    def nearest(self, family: Family, share: float) -> int:
        """Return how many channels stay where a share of the parent's is asked for."""
        size = self.size(family)
        rounded = round(size * share / self.multiple) * self.multiple
        return min(len(family.groups), max(rounded, self.least(family)))

    def lower(self, family: Family, count: int) -> int | None:
        """Return the next lower count that a family may have."""
        fewer = (count - 1) // self.multiple * self.multiple
        return fewer if fewer >= self.least(family) else None


@dataclass(frozen=True)
class RankedChannels:
    """A model's dependencies with the groups of each family from the least to the most important."""

    model: Any
    found: Dependencies
    order: list[GroupIds]
    scores: Numbers  # by group
    limits: Limits
    comparable: bool  # whether scores of two families can be held against each other

    @property
    def sizes(self) -> Numbers:
        """Return how many groups each family has."""
        return np.array([len(order) for order in self.order], np.float64)

    def dropped(self, counts: Numbers) -> GroupIds:
        """Return the groups that go where so many of each family stay."""
        gone = [
            order[: len(order) - int(count)]
            for order, count in zip(self.order, counts, strict=True)
        ]
        return np.concatenate([*gone, np.zeros(0, np.int64)])

    def lost(self, family: int, fewer: int, more: int) -> float:
        """Return the importance of the groups that go on the way from one count to a lower one."""
        order = self.order[family]
        return float(self.scores[order[len(order) - more : len(order) - fewer]].sum())


def rank(
    model: Any, found: Dependencies, how: ImportanceScore, splits: TrainingSplits, limits: Limits
) -> RankedChannels:
    """Return the families with their groups in order; of equal scores, the earlier channel goes first.

    A family of which no score says anything stays whole.
    """
    scored = importance.importance_of_groups(model, found, how, splits)
    is_scored = [not np.isnan(scored[one.groups]).any() for one in found.families]
    families = [one for one, known in zip(found.families, is_scored, strict=True) if known]
    silent = {
        name
        for one, known in zip(found.families, is_scored, strict=True)
        if not known
        for name in one.layers
    }
    why = f"the score {how.value} says nothing of its channels"
    found = replace(
        found, families=families, whole=found.whole | dict.fromkeys(sorted(silent), why)
    )
    order = [family.groups[np.argsort(scored[family.groups], kind="stable")] for family in families]
    return RankedChannels(model, found, order, scored, limits, how is ImportanceScore.taylor)


def by_share(ranked: RankedChannels, share: float) -> Numbers:
    """Return the counts where each family keeps the same share of its channels."""
    return np.array(
        [ranked.limits.nearest(family, share) for family in ranked.found.families], np.float64
    )


def down_to(ranked: RankedChannels, word: str, goal: float) -> Numbers:
    """Return counts at which the cost in `macs` or `parameters` is at most `goal`, and with any more channels above.

    They are the first ones on the path that are cheap enough, and what the last cut saved beyond the goal given back.

    Raises:
        ConversionError: every layer is at its floor before.
    """
    price = cost_model.build(ranked.model, ranked.found, word)
    visited = []
    for counts in path(ranked, price):
        visited.append(counts)
        if (cost := float(price.of(counts))) <= goal:
            return _filled(visited, price, goal)
    raise ConversionError(
        f"prune.target.{word}: {cost:,.0f} are left where every layer is at its floor; expected at most {goal:,.0f}: "
        "a lower prune.floor, or more to be left"
    )


def _filled(visited: list[Numbers], price: CostModel, goal: float) -> Numbers:
    """Return the last counts with the cuts undone, the latest first, that the goal did not need."""
    counts = visited[-1]
    for earlier in reversed(visited[:-1]):
        fuller = np.where(earlier > counts, earlier, counts)
        for family in np.flatnonzero(fuller > counts):
            candidate = counts.copy()
            candidate[family] = fuller[family]
            if price.of(candidate) <= goal:
                counts = candidate
    return counts


def path(ranked: RankedChannels, price: CostModel) -> Iterator[Numbers]:
    """Yield counts from all channels to the least, one cut of a multiple at a time.

    Where scores can be compared, the channels go next that matter least for what they cost; where not, those of the
    family that has kept most of its own.
    """
    counts: Numbers | None = ranked.sizes
    while counts is not None:
        yield counts
        counts = _next(ranked, price, counts)


def _next(ranked: RankedChannels, price: CostModel, counts: Numbers) -> Numbers | None:
    """Return the counts after the best next cut, or None where every family is at its least."""
    families, limits = ranked.found.families, ranked.limits
    lower = {
        number: limits.lower(family, int(counts[number])) for number, family in enumerate(families)
    }
    steps = {number: count for number, count in lower.items() if count is not None}
    if not steps:
        return None
    after = np.repeat(counts[None], len(steps), axis=0)
    after[np.arange(len(steps)), list(steps)] = list(steps.values())
    if ranked.comparable:
        lost = np.array(
            [ranked.lost(number, count, int(counts[number])) for number, count in steps.items()]
        )
        best = int(np.argmin(lost / (price.of(counts) - price.of(after))))
    else:
        best = int(np.argmax([counts[number] / limits.size(families[number]) for number in steps]))
    found: Numbers = after[best]
    return found
