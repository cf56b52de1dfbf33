"""Hypothesis tests behind the gates.

Each test compares a measured quantity with a requirement at the requirement's confidence. It is
passed, failed or inconclusive, and says what would settle it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from edgebake.evaluation.gates.verdict import AT_LEAST, Requirement
from edgebake.evaluation.statistics import paired, proportion
from edgebake.terminal.printable import printable

MAX_NAMES = 5  # of classes, in a note


class HypothesisTest(Protocol):
    """A measured quantity whose true value can be tested against a requirement."""

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the true value meets the requirement, at its confidence."""

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the true value misses the requirement, at its confidence."""

    def bound(self, requirement: Requirement) -> float | None:
        """Return the one-sided confidence bound to compare with the limit; none if exact."""

    @property
    def detail(self) -> str:
        """Return what the number alone leaves out, for example the worst group."""

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and what would settle an inconclusive test."""


def more_examples(needed: int | None, n: int) -> str:
    """Return how many more examples than n would settle a test; none: no number would."""
    if needed is None:
        return "the measured value is the limit itself: no number of test examples would decide"
    return f"about {needed - n:,} more test examples would decide"


@dataclass(frozen=True)
class ExactValue:
    """A number without sampling error, or one that is compared as it is."""

    value: float
    detail: str = ""

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the value meets the requirement."""
        return requirement.is_met_by(self.value)

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the value misses the requirement; it is never inconclusive."""
        return not self.proves(requirement)

    def bound(self, _: Requirement) -> float | None:
        """Return none: an exact value has no confidence bound."""
        return None

    def note(self, _: Requirement) -> str:
        """Return the detail: nothing else would change the value."""
        return self.detail


@dataclass(frozen=True)
class ProportionTest:
    """Exact binomial test of the share of right examples against a floor."""

    right: int
    n: int
    detail: str = ""

    @property
    def share(self) -> float:
        """Return the observed share, 0 to 1."""
        return self.right / self.n

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the lower confidence bound of the share is above the limit."""
        if requirement.limit == 0:
            return True
        p_value = proportion.p_at_least(self.right, self.n, requirement.limit)
        return p_value <= requirement.alpha

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the upper confidence bound of the share is below the limit."""
        p_value = self.p_at_most(requirement.limit)
        return p_value <= requirement.alpha

    def p_at_most(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the true share is at least the limit."""
        return proportion.p_at_most(self.right, self.n, limit)

    def bound(self, requirement: Requirement) -> float:
        """Return the lower confidence bound of the share."""
        return proportion.lower(self.right, self.n, requirement.confidence)

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more examples would settle the test."""
        if requirement.limit == 1:
            remedy = "no number of test examples proves a share of 1"
        else:
            remedy = more_examples(self.needed(requirement), self.n)
        return f"{self.detail}; {remedy}" if self.detail else remedy

    def needed(self, requirement: Requirement) -> int | None:
        """Estimate the number of examples that would settle the test; none if no number would."""
        return proportion.needed(self.right, self.n, requirement.limit, requirement.confidence)


@dataclass(frozen=True)
class PairedTest:
    """Exact test of non-inferiority: accuracy lost against another model on the same examples."""

    lost: int  # right before, wrong now
    won: int  # wrong before, right now
    n: int
    detail: ClassVar[str] = ""

    @property
    def loss(self) -> float:
        """Return the observed loss, -1 to 1."""
        return (self.lost - self.won) / self.n

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the upper confidence bound of the loss is below the limit."""
        if self.loss > requirement.limit:  # its upper bound lies above it
            return False
        if requirement.limit == 1:
            return True
        p_value = paired.p_less(self.lost, self.won, self.n, requirement.limit)
        return p_value <= requirement.alpha

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the lower confidence bound of the loss is above the limit."""
        return self.p_at_most(requirement.limit) <= requirement.alpha

    def p_at_most(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the true loss is at most the limit."""
        if self.loss <= limit:  # its lower bound lies below it
            return 1.0
        return paired.p_more(self.lost, self.won, self.n, limit)

    def bound(self, requirement: Requirement) -> float:
        """Return the upper confidence bound of the loss."""
        return paired.upper(self.lost, self.won, self.n, requirement.confidence)

    def note(self, requirement: Requirement) -> str:
        """Return how many more examples would settle the test."""
        needed = paired.needed(
            (self.lost, self.won, self.n), requirement.limit, requirement.confidence
        )
        return more_examples(needed, self.n)


@dataclass(frozen=True)
class GroupedTest:
    """Tests of every class or slice against one floor.

    The floor is proven where it is proven for each group: an intersection-union test needs no
    correction (Berger 1982, Technometrics 24:295). It is disproved where the test of some group is
    rejected after Holm's correction for the number of groups (Holm 1979, Scandinavian Journal of
    Statistics 6:65).
    """

    groups: dict[str, ProportionTest]
    untested: Sequence[str] = ()  # classes that the recipe lists as without test examples

    @property
    def worst(self) -> str:
        """Return the name of the group with the lowest share; on a tie, of the largest."""

        def share_and_size(name: str) -> tuple[float, int]:
            group = self.groups[name]
            return group.share, -group.n

        return min(self.groups, key=share_and_size)

    @property
    def detail(self) -> str:
        """Return the worst group and its counts."""
        group = self.groups[self.worst]
        worst = f"worst is {self.worst}: {group.right} of {group.n}"
        if not self.untested:
            return worst
        total = len(self.groups) + len(self.untested)
        names = ", ".join(printable(name) for name in self.untested[:MAX_NAMES])
        if len(self.untested) > MAX_NAMES:
            names += ", ..."
        return f"{worst}; not tested: {len(self.untested)} of {total} classes ({names})"

    def proves(self, requirement: Requirement) -> bool:
        """Return whether every group proves the requirement."""
        unproven = self._unproven(requirement)
        return not unproven

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether some group misses the limit, corrected for the number of groups."""
        return bool(self.missed(requirement))

    def missed(self, requirement: Requirement) -> list[str]:
        """Return the names of the groups that are below the limit after correction, in order."""
        p_values = []
        for group in self.groups.values():
            p_values.append(group.p_at_most(requirement.limit))
        rejected = holm(p_values, requirement.alpha)
        missed = []
        for name, is_rejected in zip(self.groups, rejected, strict=True):
            if is_rejected:
                missed.append(name)
        return missed

    def bound(self, requirement: Requirement) -> float:
        """Return the lowest of the groups' lower confidence bounds."""
        groups = self.groups.values()
        return min(group.bound(requirement) for group in groups)

    def note(self, requirement: Requirement) -> str:
        """Return the worst group, and how many more examples would settle the test."""
        unproven = self._unproven(requirement)
        if not unproven or self.missed(requirement):
            return self.detail
        if requirement.limit == 1:
            worst = self.groups[self.worst]
            return f"{self.detail}; {worst.note(requirement)}"
        missing = []
        for group in unproven:
            needed = group.needed(requirement)
            if needed:
                missing.append(needed - group.n)
        if not missing:
            reason = "that is the limit itself: no number of test examples would decide"
            return f"{self.detail}; {reason}"
        more = f"about {max(missing):,} more test examples of each that is unproven would decide"
        return f"{self.detail}; {more}"

    def _unproven(self, requirement: Requirement) -> list[ProportionTest]:
        groups = self.groups.values()
        return [group for group in groups if not group.proves(requirement)]


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Return which hypotheses Holm's procedure rejects at a family-wise error rate of alpha."""
    count = len(p_values)
    rejected = [False] * count
    by_p_value = sorted(range(count), key=p_values.__getitem__)
    for rank, index in enumerate(by_p_value):
        if p_values[index] > alpha / (count - rank):
            break
        rejected[index] = True
    return rejected


@dataclass(frozen=True)
class BootstrapTest:
    """A statistic in each resample (percentile bootstrap: Efron & Tibshirani 1993, chapter 13)."""

    resamples: list[float]
    remedy: str  # what would settle an inconclusive test
    detail: ClassVar[str] = ""

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the confidence bound meets the requirement."""
        bound = self.bound(requirement)
        return requirement.is_met_by(bound)

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the bound on the other side misses the requirement."""
        if requirement.direction == AT_LEAST:
            upper = self._quantile(requirement.confidence)
            return upper < requirement.limit
        lower = self._quantile(requirement.alpha)
        return lower > requirement.limit

    def bound(self, requirement: Requirement) -> float:
        """Return the lower confidence bound for a floor, the upper one for a ceiling."""
        if requirement.direction == AT_LEAST:
            return self._quantile(requirement.alpha)
        return self._quantile(requirement.confidence)

    def note(self, _: Requirement) -> str:
        """Return what would settle an inconclusive test."""
        return self.remedy

    def _quantile(self, share: float) -> float:
        quantile = np.quantile(self.resamples, share)
        return float(quantile)
