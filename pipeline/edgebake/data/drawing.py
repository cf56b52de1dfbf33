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
        split = splits[position]
        drawn[split].append(position)
    return drawn


def _key(seed: int, name: str) -> bytes:
    text = f"{seed}:{name}"
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(encoded).digest()


def _split_by_class(
    candidates: Candidates, order: Sequence[int], sizes: Mapping[str, int]
) -> dict[int, str]:
    """Return the split of each example."""
    members: dict[int, list[int]] = {}
    for position in order:
        label = candidates.labels[position]
        members.setdefault(label, []).append(position)
    labels = sorted(members)
    class_sizes = [len(members[label]) for label in labels]
    counts = stratified.divide(class_sizes, sizes)
    splits = {}
    for label, row in zip(labels, counts, strict=True):
        remaining = iter(members[label])
        for split in reversed(PRECEDENCE):
            count = row.get(split, 0)
            for _ in range(count):
                position = next(remaining)
                splits[position] = split
    return splits


def _split_by_group(
    candidates: Candidates, order: Sequence[int], sizes: Mapping[str, int], seed: int
) -> dict[int, str]:
    classes: dict[str, Counter[int]] = {}
    for position in order:
        group = candidates.groups[position]
        label = candidates.labels[position]
        counts = classes.setdefault(group, Counter())
        counts[label] += 1
    names = sorted(classes, key=lambda name: _key(seed, name))
    groups = []
    for name in names:
        by_label = sorted(classes[name].items())
        groups.append(Group(name, dict(by_label)))
    split_of = grouped.divide(groups, sizes)
    splits = {}
    for position in order:
        group = candidates.groups[position]
        splits[position] = split_of[group]
    return splits
