"""Divide examples among splits so that each class has its share of each split.

The sizes of the splits are met exactly. A class with two examples or more is in train and in test,
even where that needs one more example in a split than its size. Classes take turns in validation
and calibration as far as the sizes of these reach.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

# The order in which a class with few examples gets one: train, then test, then the others.
PRECEDENCE = ("train", "test", "validation", "calibration")

Counts = list[dict[str, int]]  # examples by split, for each class


def divide(class_sizes: Sequence[int], sizes: Mapping[str, int]) -> Counts:
    """Return how many examples of each class each split gets.

    Args:
        class_sizes: number of examples of each class.
        sizes: of the splits, which add up to the examples.
    """
    division = _Division(class_sizes, sizes)
    division.require()
    division.round_down()
    division.fill()
    return division.counts


class _Division:
    """The counts while they are made up; `expected` are the real shares of each class."""

    def __init__(self, class_sizes: Sequence[int], sizes: Mapping[str, int]) -> None:
        self.splits = [split for split in PRECEDENCE if split in sizes]
        self.class_sizes = class_sizes
        self.sizes = sizes
        total = sum(class_sizes)
        self.expected: list[dict[str, float]] = []
        self.counts: Counts = []
        for size in class_sizes:
            shares: dict[str, float] = {}
            floors: dict[str, int] = {}
            for split in self.splits:
                product = size * sizes[split]
                shares[split] = product / total
                floors[split] = product // total
            self.expected.append(shares)
            self.counts.append(floors)
        self.least: Counts = [dict.fromkeys(self.splits, 0) for _ in class_sizes]

    def require(self) -> None:
        """Decide which classes get at least one example of which split."""
        for split in self.splits:
            candidates = [number for number in self._numbers() if self._spare(number) > 0]
            if split not in ("train", "test"):
                candidates.sort(key=lambda number: self._claim(number, split))
                room = self.sizes[split]
                candidates = candidates[:room]
            for number in candidates:
                self.least[number][split] = 1

    def round_down(self) -> None:
        """Start from the shares rounded down and what is required; take back what is too much."""
        for number in self._numbers():
            row = self.counts[number]
            least = self.least[number]
            for split in self.splits:
                row[split] = max(row[split], least[split])
            class_size = self.class_sizes[number]
            while sum(row.values()) > class_size:
                fullest = self._fullest(number)
                row[fullest] -= 1
        for split in self.splits:
            self._take_back(split)

    def fill(self) -> None:
        """Give the remaining examples to the splits that are furthest below their share."""
        room = self._room()
        pairs = list(itertools.product(self._numbers(), self.splits))
        pairs.sort(key=lambda pair: self._surplus(*pair))
        while any(room.values()):
            for number, split in pairs:
                row = self.counts[number]
                is_left = sum(row.values()) < self.class_sizes[number]
                if room[split] and is_left:
                    row[split] += 1
                    room[split] -= 1

    def _numbers(self) -> range:
        class_count = len(self.class_sizes)
        return range(class_count)

    def _spare(self, number: int) -> int:
        """Return how many examples of a class are not required for a split yet."""
        required = sum(self.least[number].values())
        return self.class_sizes[number] - required

    def _claim(self, number: int, split: str) -> tuple[float, float]:
        """Return the order of classes for a split that has no room for all; the first gets one.

        It goes to classes that other splits have not taken more from than their share, then to
        those with the largest share of the split.
        """
        expected = self.expected[number]
        taken = 0.0
        for claimed_split, least in self.least[number].items():
            surplus = least - expected[claimed_split]
            taken += max(0.0, surplus)
        return taken, -expected[split]

    def _surplus(self, number: int, split: str) -> float:
        expected = self.expected[number][split]
        return self.counts[number][split] - expected

    def _fullest(self, number: int) -> str:
        """Return the split that is furthest above its share of a class and can give one back."""
        givers = [split for split in self.splits if self._can_give(number, split)]
        return max(givers, key=lambda split: self._surplus(number, split))

    def _can_give(self, number: int, split: str) -> bool:
        least = self.least[number][split]
        return self.counts[number][split] > least

    def _take_back(self, split: str) -> None:
        """Bring a split down to its size, if what is required allows it."""
        excess = self._total(split) - self.sizes[split]
        while excess > 0:
            givers = [number for number in self._numbers() if self._can_give(number, split)]
            if not givers:
                return
            givers.sort(key=lambda number: -self._surplus(number, split))
            chosen = givers[:excess]
            for number in chosen:
                self.counts[number][split] -= 1
            excess -= len(chosen)

    def _total(self, split: str) -> int:
        return sum(row[split] for row in self.counts)

    def _room(self) -> dict[str, int]:
        """Return how many examples each split still takes; together all that remain."""
        room: dict[str, int] = {}
        remaining = sum(self.class_sizes)
        for split in self.splits:
            total = self._total(split)
            room[split] = max(0, self.sizes[split] - total)
            remaining -= total
        # Splits that had to grow took from the others, train first.
        for split in self._splits_that_give():
            excess = sum(room.values()) - remaining
            given_back = min(room[split], excess)
            room[split] -= given_back
        return room

    def _splits_that_give(self) -> Iterator[str]:
        for split in ("train", "validation", "calibration", "test"):
            if split in self.splits:
                yield split
