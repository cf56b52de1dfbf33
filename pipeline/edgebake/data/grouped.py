"""Divide groups of examples (of a person, a machine, a voice) among splits; none is torn apart.

Greedy: the groups in descending size, each to the split that is furthest below its share of the
group's classes. Then improved by moves of a group and by swaps of two, as far as that goes. Cost:
chi-squared statistic of the table of splits and classes, against the shares. Sums are exact
(math.fsum), so that every machine decides the same.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebake.data.stratified import PRECEDENCE

ROUNDS = 20  # of moves and swaps; two or three are usual
MAX_SWAPPED = 150  # groups; with more of them, moves alone come close to the shares
SMALLEST_GAIN = 1e-9  # of a move, in units of the cost

# Empty splits, classes that train lacks, classes that test lacks, chi-squared: compared in order.
Cost = tuple[int, int, int, float]


@dataclass(frozen=True)
class Group:
    """Examples that have to stay together."""

    name: str
    classes: Mapping[int, int]  # number of examples by class

    @property
    def size(self) -> int:
        """Return the number of examples."""
        return sum(self.classes.values())


def divide(groups: Sequence[Group], sizes: Mapping[str, int]) -> dict[str, str]:
    """Return the split of each group, by the group's name.

    Args:
        groups: at least as many as there are splits; of equal size, earlier ones come first.
        sizes: the number of examples that each split should have; they are met as far as the
            sizes of the groups allow.
    """
    division = _Division(groups, sizes)
    by_size = sorted(groups, key=lambda group: -group.size)
    for number, group in enumerate(by_size):
        remaining = len(by_size) - number
        split = division.best_split(group, remaining)
        division.add(group, split)
    pairs: list[tuple[Group, Group]] = []
    if len(by_size) <= MAX_SWAPPED:
        pairs = list(itertools.combinations(by_size, 2))
    for _ in range(ROUNDS):
        moves = [division.move(group) for group in by_size]
        swaps = [division.swap(*pair) for pair in pairs]
        if not any(moves + swaps):
            break
    return division.split_of


class _Division:
    """The table of splits and classes while groups are added and moved."""

    def __init__(self, groups: Sequence[Group], sizes: Mapping[str, int]) -> None:
        self.splits = [split for split in PRECEDENCE if split in sizes]
        self.split_of: dict[str, str] = {}
        self.group_counts: Counter[str] = Counter()
        self.counts: dict[str, Counter[int]] = {}
        for split in self.splits:
            self.counts[split] = Counter()
        self.sizes = sizes
        total = sum(sizes.values())
        self.shares: dict[str, float] = {}
        for split in self.splits:
            self.shares[split] = sizes[split] / total
        self.class_sizes: Counter[int] = Counter()
        for group in groups:
            self.class_sizes.update(group.classes)

    def add(self, group: Group, split: str) -> None:
        """Put a group into a split."""
        self.split_of[group.name] = split
        self.group_counts[split] += 1
        self.counts[split].update(group.classes)

    def remove(self, group: Group) -> None:
        """Take a group out of its split."""
        split = self.split_of.pop(group.name)
        self.group_counts[split] -= 1
        self.counts[split].subtract(group.classes)

    def best_split(self, group: Group, remaining: int) -> str:
        """Return the split for a group; the last groups go to splits that have none.

        Args:
            group: that is in no split.
            remaining: groups in no split, this one included.
        """
        splits = [split for split in self.splits if not self.group_counts[split]]
        if remaining > len(splits):
            splits = self.splits
        return min(splits, key=lambda split: self.cost_of_adding(group, split))

    def move(self, group: Group) -> bool:
        """Move a group to another split if that is better; return whether it was moved."""
        current = self.split_of[group.name]
        self.remove(group)
        best = self.best_split(group, 1)
        best_cost = self.cost_of_adding(group, best)
        current_cost = self.cost_of_adding(group, current)
        is_better = _is_better(best_cost, current_cost)
        if is_better:
            self.add(group, best)
        else:
            self.add(group, current)
        return is_better

    def swap(self, first: Group, second: Group) -> bool:
        """Exchange the splits of two groups if that is better; return whether it was done."""
        split_of_first = self.split_of[first.name]
        split_of_second = self.split_of[second.name]
        if split_of_first == split_of_second:
            return False
        self.remove(first)
        self.remove(second)
        current = self._place((first, split_of_first), (second, split_of_second))
        self.remove(first)
        self.remove(second)
        swapped = self._place((first, split_of_second), (second, split_of_first))
        if _is_better(swapped, current):
            return True
        self.remove(first)
        self.remove(second)
        self._place((first, split_of_first), (second, split_of_second))
        return False

    def _place(self, *groups: tuple[Group, str]) -> Cost:
        """Put groups into splits, and return how the cost changes."""
        costs = []
        for group, split in groups:
            cost = self.cost_of_adding(group, split)
            costs.append(cost)
            self.add(group, split)
        empty, train, test, chi_squared = zip(*costs, strict=True)
        chi_squared_change = math.fsum(chi_squared)
        return sum(empty), sum(train), sum(test), chi_squared_change

    def cost_of_adding(self, group: Group, split: str) -> Cost:
        """Return how the cost changes if a group is added to a split."""
        counts = self.counts[split]
        filled = 0
        changes = []
        for label, count in group.classes.items():
            before = counts[label]
            if not before:
                filled += 1
            expected = self.class_sizes[label] * self.shares[split]
            doubled_surplus = 2 * (before - expected)
            change = count * (doubled_surplus + count) / expected
            changes.append(change)
        empty_change = 0
        if not self.group_counts[split]:
            empty_change = -1
        train_change = 0
        if split == "train":
            train_change = -filled
        test_change = 0
        if split == "test":
            test_change = -filled
        return empty_change, train_change, test_change, math.fsum(changes)


def _is_better(cost: Cost, current: Cost) -> bool:
    counts = cost[:3]
    current_counts = current[:3]
    if counts != current_counts:
        return counts < current_counts
    limit = current[3] - SMALLEST_GAIN
    return cost[3] < limit
