"""Hypothesis tests of metrics that are no plain shares: losses, values, areas and rates.

All implement `hypothesis_tests.HypothesisTest`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from edgebake.evaluation.gates.hypothesis_tests import more_examples
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics import poisson
from edgebake.tasks.metric import Metric
from edgebake.terminal.printable import printable

THE_LIMIT = "the measured value is the limit itself: no number of {units} would decide"
EXAMPLES = "test examples"
SCARCER = "test examples of the scarcer class"


class Loss(Protocol):
    """A loss with confidence bounds."""

    @property
    def loss(self) -> float:
        """Return the observed loss."""

    def bound(self, confidence: float) -> float:
        """Return the one-sided upper confidence bound of the loss."""

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the loss."""

    def needed(self, limit: float, confidence: float) -> int | None:
        """Estimate the number of units that would settle the side of the limit."""


@dataclass(frozen=True)
class LossTest:
    """Test of non-inferiority: what a metric loses against another model."""

    paired: Loss
    n: int  # units of the loss
    units: str = EXAMPLES
    detail: str = ""

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the upper confidence bound of the loss is within the limit."""
        return self.bound(requirement) <= requirement.limit

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the lower confidence bound of the loss is above the limit."""
        return self.paired.lower(requirement.confidence) > requirement.limit

    def bound(self, requirement: Requirement) -> float:
        """Return the upper confidence bound of the loss."""
        return self.paired.bound(requirement.confidence)

    def interval(self, confidence: float) -> list[float]:
        """Return both ends of an interval, each at a one-sided confidence."""
        return [self.paired.lower(confidence), self.paired.bound(confidence)]

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more units would settle the test."""
        needed = self.paired.needed(requirement.limit, requirement.confidence)
        return _with_detail(self.detail, _more(needed, self.n, self.units))


@dataclass(frozen=True)
class ValueTest:
    """Test of a metric's value against a limit, by its loss against right answers."""

    metric: Metric
    best: float  # the value of right answers
    loss: LossTest  # against right answers

    @property
    def value(self) -> float:
        """Return the observed value."""
        return self._at(self.loss.paired.loss)

    @property
    def detail(self) -> str:
        """Return what is drawn, where that are groups."""
        return self.loss.detail

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the confidence bound of the value meets the limit."""
        return requirement.is_met_by(self.bound(requirement))

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the bound on the other side misses the limit."""
        return not requirement.is_met_by(self._at(self.loss.paired.lower(requirement.confidence)))

    def bound(self, requirement: Requirement) -> float:
        """Return the confidence bound of the value on the side of worse values."""
        return self._at(self.loss.paired.bound(requirement.confidence))

    def interval(self, confidence: float) -> list[float]:
        """Return both ends of an interval, each at a one-sided confidence."""
        return sorted(self._at(loss) for loss in self.loss.interval(confidence))

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more units would settle the test."""
        if requirement.limit == self.best:
            remedy = f"no number of {self.loss.units} proves a value of {self.best:g}"
            return _with_detail(self.detail, remedy)
        limit = self.metric.loss(self.best, requirement.limit)
        return self.loss.note(replace(requirement, limit=limit))

    def _at(self, loss: float) -> float:
        return self.metric.value_at_loss(self.best, loss)


@dataclass(frozen=True)
class ClusteredGroupsTest:
    """Tests of every class or slice against one floor, whose examples are drawn by group.

    The floor is proven where it is proven for each. It is disproved where that of some is at an
    error divided by their number: a bootstrap has no p-values to order (Bonferroni).
    """

    groups: Mapping[str, ValueTest]

    @property
    def worst(self) -> str:
        """Return the class or slice with the lowest value."""
        return min(self.groups, key=lambda name: self.groups[name].value)

    @property
    def detail(self) -> str:
        """Return the worst class or slice."""
        worst = self.groups[self.worst]
        return f"worst is {printable(self.worst)}: {worst.value:.4g}, {worst.detail}"

    def proves(self, requirement: Requirement) -> bool:
        """Return whether every class or slice proves the requirement."""
        return all(test.proves(requirement) for test in self.groups.values())

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether some class or slice misses the limit, corrected for their number."""
        corrected = replace(requirement, confidence=1 - requirement.alpha / len(self.groups))
        return any(test.disproves(corrected) for test in self.groups.values())

    def bound(self, requirement: Requirement) -> float:
        """Return the lowest of the lower confidence bounds."""
        return min(test.bound(requirement) for test in self.groups.values())

    def note(self, requirement: Requirement) -> str:
        """Return the worst class or slice, and how many more groups would settle it."""
        worst = self.groups[self.worst]
        return f"worst is {printable(self.worst)}: {worst.value:.4g}, {worst.note(requirement)}"


@dataclass(frozen=True)
class PoissonTest:
    """Exact test of the events in an hour against a ceiling."""

    count: int
    hours: float

    @property
    def detail(self) -> str:
        """Return the count behind the rate."""
        return f"{self.count:,} in {self.hours:.3g} hours"

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the upper confidence bound of the rate is within the limit."""
        return self.bound(requirement) <= requirement.limit

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the lower confidence bound of the rate is above the limit."""
        lower = poisson.lower(self.count, self.hours, requirement.confidence)
        return lower > requirement.limit

    def bound(self, requirement: Requirement) -> float:
        """Return the upper confidence bound of the events in an hour."""
        return poisson.upper(self.count, self.hours, requirement.confidence)

    def note(self, requirement: Requirement) -> str:
        """Return the count, and how many more hours would settle the test."""
        needed = poisson.needed(self.count, self.hours, requirement.limit, requirement.confidence)
        if needed is None:
            return f"{self.detail}; {THE_LIMIT.format(units='hours')}"
        return f"{self.detail}; about {needed - self.hours:.2g} more hours would decide"


def _more(needed: int | None, n: int, units: str) -> str:
    if units == EXAMPLES:
        return more_examples(needed, n)
    if needed is None:
        return THE_LIMIT.format(units=units)
    return f"about {needed - n:,} more {units} would decide"


def _with_detail(detail: str, remedy: str) -> str:
    return f"{detail}; {remedy}" if detail else remedy
