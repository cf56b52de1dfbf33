"""Check that every class is trained and tested, and find the smallest classes.

A class without test examples would pass every gate, `class_accuracy` included.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from edgebake.data.readers.labels import preview
from edgebake.errors import DataError, nearest
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

KEY = "data.untested_classes"
ALL = "*"  # in the recipe: every class without test examples


class SmallestClass(TypedDict):
    """The class with the fewest examples in a split, in data.json; the first of equals."""

    name: str
    examples: int


def count(examples: "Examples", splits: Mapping[str, Iterable[int]]) -> "Coverage":
    """Count the examples of each class in each split.

    Args:
        examples: of the data source.
        splits: numbers of the examples in each split.
    """
    counts: dict[str, Counter[str]] = {}
    for split, numbers in splits.items():
        counts[split] = Counter(examples.classes[examples.labels[number]] for number in numbers)
    return Coverage(examples.classes, counts)


@dataclass(frozen=True)
class Coverage:
    """The number of examples of each class, by split."""

    classes: Sequence[str]
    counts: Mapping[str, Counter[str]]  # by split, then by class

    @property
    def untested(self) -> list[str]:
        """Return the classes without test examples, in their order."""
        return self._without("test")

    def smallest(self) -> dict[str, SmallestClass]:
        """Return the smallest class of train and of test, of those with examples in that split."""
        smallest: dict[str, SmallestClass] = {}
        for split in ("train", "test"):
            counts = {}
            for name in self.classes:
                if self.counts[split][name]:
                    counts[name] = self.counts[split][name]
            smallest_name = min(counts, key=counts.__getitem__)
            smallest[split] = {"name": smallest_name, "examples": counts[smallest_name]}
        return smallest

    def check(self, data: Data) -> None:
        """Check that the only classes without test examples are those that the recipe lists.

        Raises:
            DataError: train or test lacks another class, or a listed class has test examples or
                does not exist.
        """
        self._check_listed(data)
        untrained = [name for name in self._without("train") if self._total(name)]
        if untrained:
            raise DataError(self._explain(data, "train", untrained))
        listed = set(data.untested_classes)
        missing = [name for name in self.untested if name not in listed]
        if missing and ALL not in listed:
            raise DataError(self._explain(data, "test", missing))

    def _check_listed(self, data: Data) -> None:
        for name in data.untested_classes:
            if name == ALL:
                continue
            if name not in self.classes:
                raise DataError(
                    f"{KEY}: {data.title} has no class {name!r}; "
                    f"expected one of its classes{nearest(name, self.classes)}"
                )
            tested = self.counts["test"][name]
            if tested:
                raise DataError(
                    f"{KEY}: {name!r} has {tested:,} test examples; "
                    "expected only classes that have none: remove it from the list"
                )

    def _explain(self, data: Data, split: str, missing: Sequence[str]) -> str:
        names = []
        for name in missing:
            names.append(f"{name!r} ({self._total(name):,} in all)")
        expected = "expected every class in train and in test: add examples of it"
        if split == "test":
            expected += f", or list it in {KEY}"
        share = f"{len(missing):,} of {len(self.classes):,} classes"
        return f"{data.title}: {split} has no example of {share}: {preview(names)}; {expected}"

    def _total(self, name: str) -> int:
        return sum(counts[name] for counts in self.counts.values())

    def _without(self, split: str) -> list[str]:
        return [name for name in self.classes if not self.counts[split][name]]
