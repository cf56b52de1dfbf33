"""What a gate is decided from: counts, pairs, groups, resamples; each knows what it proves.

Every sample answers three questions: the bounds of the true value at some confidence, and what would decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics import paired, proportion


class HypothesisTest(Protocol):
    """Something that a verdict can be drawn from."""

    def proves(self, asked: Requirement) -> bool:
        """Return whether the true value is on the right side of the limit, at the confidence that is asked for."""

    def disproves(self, asked: Requirement) -> bool:
        """Return whether the true value is on the wrong side of it, at the same confidence."""

    def bound(self, asked: Requirement) -> float | None:
        """Return the one-sided bound that has to clear the limit."""

    @property
    def detail(self) -> str:
        """Return what the number alone does not say: the worst group."""

    def note(self, asked: Requirement) -> str:
        """Return the same, and what would decide where nothing is proven."""


def _more(needed: int | None, n: int) -> str:
    if needed is None:
        return "what was found is the limit itself: no number of test examples would decide"
    return f"about {needed - n:,} more test examples would decide"


@dataclass(frozen=True)
class ExactValue:
    """A number that nothing had to be sampled for, or that speaks for these examples alone."""

    value: float
    detail: ClassVar[str] = ""

    def proves(self, asked: Requirement) -> bool:
        """Return whether the number itself holds."""
        return (
            self.value >= asked.limit
            if asked.direction == "at_least"
            else self.value <= asked.limit
        )

    def disproves(self, asked: Requirement) -> bool:
        """Return whether it does not; nothing lies between."""
        return not self.proves(asked)

    def bound(self, _: Requirement) -> float | None:
        """Return none: there is nothing to be unsure of."""
        return None

    def note(self, _: Requirement) -> str:
        """Return nothing."""
        return ""


@dataclass(frozen=True)
class ProportionTest:
    """So many of n examples; for a floor of their share."""

    right: int
    n: int
    detail: ClassVar[str] = ""

    def proves(self, asked: Requirement) -> bool:
        """Return whether the lower bound clears the limit."""
        return (
            proportion.p_at_least(self.right, self.n, asked.limit) <= 1 - asked.confidence
            or asked.limit == 0
        )

    def disproves(self, asked: Requirement) -> bool:
        """Return whether the upper bound misses it."""
        return proportion.p_at_most(self.right, self.n, asked.limit) <= 1 - asked.confidence

    def bound(self, asked: Requirement) -> float | None:
        """Return the lower bound of the share."""
        return proportion.lower(self.right, self.n, asked.confidence)

    def note(self, asked: Requirement) -> str:
        """Return how many more examples would decide."""
        if asked.limit == 1:
            return "no number of test examples proves a share of 1"
        return _more(proportion.needed(self.right, self.n, asked.limit, asked.confidence), self.n)


@dataclass(frozen=True)
class PairedTest:
    """Of n examples, so many were right and are wrong now, and the other way round; for a ceiling of the loss."""

    lost: int
    won: int
    n: int
    detail: ClassVar[str] = ""

    @property
    def _found(self) -> float:
        return (self.lost - self.won) / self.n

    def proves(self, asked: Requirement) -> bool:
        """Return whether the upper bound of the loss clears the limit: a test of non-inferiority."""
        if self._found > asked.limit:  # no bound of it is lower
            return False
        return (
            paired.p_less(self.lost, self.won, self.n, asked.limit) <= 1 - asked.confidence
            or asked.limit == 1
        )

    def disproves(self, asked: Requirement) -> bool:
        """Return whether the lower bound of the loss misses it."""
        if self._found <= asked.limit:
            return False
        return paired.p_more(self.lost, self.won, self.n, asked.limit) <= 1 - asked.confidence

    def bound(self, asked: Requirement) -> float | None:
        """Return the upper bound of the loss."""
        return paired.upper(self.lost, self.won, self.n, asked.confidence)

    def note(self, asked: Requirement) -> str:
        """Return how many more examples would decide."""
        return _more(
            paired.needed((self.lost, self.won, self.n), asked.limit, asked.confidence), self.n
        )


@dataclass(frozen=True)
class GroupedTest:
    """Counts of every class or slice; for a floor of each.

    All hold where each is proven: an intersection-union test needs no correction (Berger 1982, Technometrics 24:295).
    One is missed where its test against the limit is rejected after Holm's correction for their number (Holm 1979,
    Scandinavian Journal of Statistics 6:65), from statsmodels.
    """

    counts: dict[str, ProportionTest]

    @property
    def worst(self) -> str:
        """Return the name of the group with the lowest share; of equals, the largest group."""
        return min(
            self.counts,
            key=lambda name: (self.counts[name].right / self.counts[name].n, -self.counts[name].n),
        )

    @property
    def detail(self) -> str:
        """Return the worst group."""
        found = self.counts[self.worst]
        return f"worst is {self.worst}: {found.right} of {found.n}"

    def proves(self, asked: Requirement) -> bool:
        """Return whether every group clears the limit."""
        return all(one.proves(asked) for one in self.counts.values())

    def disproves(self, asked: Requirement) -> bool:
        """Return whether some group misses it, though there are many that could by chance."""
        return bool(self.missed(asked))

    def missed(self, asked: Requirement) -> list[str]:
        """Return the groups that are surely below the limit, in their order."""
        values = [
            proportion.p_at_most(one.right, one.n, asked.limit) for one in self.counts.values()
        ]
        rejected = _holm(values, 1 - asked.confidence)
        return [name for name, is_missed in zip(self.counts, rejected, strict=True) if is_missed]

    def bound(self, asked: Requirement) -> float | None:
        """Return the lowest of the groups' lower bounds."""
        return min(
            proportion.lower(one.right, one.n, asked.confidence) for one in self.counts.values()
        )

    def note(self, asked: Requirement) -> str:
        """Return the worst group, and what would decide it."""
        said = self.detail
        unproven = [one for one in self.counts.values() if not one.proves(asked)]
        if not unproven or self.missed(asked):
            return said
        if asked.limit == 1:
            return f"{said}; {self.counts[self.worst].note(asked)}"
        needs = (
            proportion.needed(one.right, one.n, asked.limit, asked.confidence) for one in unproven
        )
        most = max(
            (need - one.n for need, one in zip(needs, unproven, strict=True) if need), default=None
        )
        if most is None:
            return f"{said}; that is the limit itself: no number of test examples would decide"
        return f"{said}; about {most:,} more test examples of each that is unproven would decide"


def _holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Return which hypotheses are rejected if all of them together are to be safe at `alpha`."""
    if (
        min(p_values) > alpha
    ):  # adjusted, they would be larger still; statsmodels takes a second to import
        return [False] * len(p_values)
    from statsmodels.stats.multitest import multipletests

    return [bool(rejected) for rejected in multipletests(p_values, alpha, method="holm")[0]]


@dataclass(frozen=True)
class BootstrapTest:
    """A statistic in each resample of what was measured (percentile bootstrap: Efron & Tibshirani 1993, chapter 13)."""

    values: list[float]
    what_decides: str  # where the bound lies on the wrong side
    detail: ClassVar[str] = ""

    def proves(self, asked: Requirement) -> bool:
        """Return whether the bound clears the limit."""
        at = self._quantile(
            1 - asked.confidence if asked.direction == "at_least" else asked.confidence
        )
        return at >= asked.limit if asked.direction == "at_least" else at <= asked.limit

    def disproves(self, asked: Requirement) -> bool:
        """Return whether the bound on the other side misses it."""
        at = self._quantile(
            asked.confidence if asked.direction == "at_least" else 1 - asked.confidence
        )
        return at < asked.limit if asked.direction == "at_least" else at > asked.limit

    def bound(self, asked: Requirement) -> float | None:
        """Return the lower bound for a floor, the upper one for a ceiling."""
        return self._quantile(
            1 - asked.confidence if asked.direction == "at_least" else asked.confidence
        )

    def note(self, _: Requirement) -> str:
        """Return what would decide."""
        return self.what_decides

    def _quantile(self, share: float) -> float:

        return float(np.quantile(self.values, share))
