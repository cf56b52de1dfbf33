"""Draw which examples are in which split: by class, or by group, from a seed.

An example's place depends on the seed and its name alone, not on the order in which files are
listed, and not on the version of a random generator.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebake.data import grouped, stratified
from edgebake.data.grouped import Group
from edgebake.data.stratified import PRECEDENCE


@dataclass(frozen=True)
class Candidates:
    """The examples that are drawn from."""

    names: Sequence[str]
    labels: Sequence[int]  # indices of classes
    groups: Sequence[str]  # group of each; empty: drawn by class


def draw(candidates: Candidates, sizes: Mapping[str, int], seed: int) -> dict[str, list[int]]:
    """Return the positions of the examples in each split, in an order that mixes the classes.

    Args:
        candidates: the examples.
        sizes: of the splits, which add up to the examples.
        seed: of the drawing.
    """
    count = len(candidates.labels)
    keys = [_key(seed, name) for name in candidates.names]
    order = sorted(range(count), key=lambda position: (keys[position], position))
    if candidates.groups:
        splits = _split_by_group(candidates, order, sizes, seed)
    else:
        splits = _split_by_class(candidates, order, sizes)
    drawn: dict[str, list[int]] = {split: [] for split in sizes}
    for position in order:
        drawn[splits[position]].append(position)
    return drawn


def _key(seed: int, name: str) -> bytes:
    text = f"{seed}:{name}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _split_by_class(
    candidates: Candidates, order: Sequence[int], sizes: Mapping[str, int]
) -> dict[int, str]:
    """Return the split of each example."""
    members: dict[int, list[int]] = {}
    for position in order:
        members.setdefault(candidates.labels[position], []).append(position)
    labels = sorted(members)
    counts = stratified.divide([len(members[label]) for label in labels], sizes)
    splits = {}
    for label, row in zip(labels, counts, strict=True):
        remaining = iter(members[label])
        for split in reversed(PRECEDENCE):
            for _ in range(row.get(split, 0)):
                splits[next(remaining)] = split
    return splits


def _split_by_group(
    candidates: Candidates, order: Sequence[int], sizes: Mapping[str, int], seed: int
) -> dict[int, str]:
    classes: dict[str, Counter[int]] = {}
    for position in order:
        counts = classes.setdefault(candidates.groups[position], Counter())
        counts[candidates.labels[position]] += 1
    names = sorted(classes, key=lambda name: _key(seed, name))
    groups = [Group(name, dict(sorted(classes[name].items()))) for name in names]
    split_of = grouped.divide(groups, sizes)
    return {position: split_of[candidates.groups[position]] for position in order}
