"""Hypothesis tests of metrics that are no plain shares: losses, values, areas and rates.

All implement `hypothesis_tests.HypothesisTest`.
"""

from dataclasses import dataclass
from typing import Protocol

from edgebake.evaluation.gates.hypothesis_tests import more_examples
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics import poisson

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

    def needed(self, requirement: Requirement) -> int | None:
        """Estimate the number of units that would settle the test; none if no number would."""
        return self.paired.needed(requirement.limit, requirement.confidence)

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more units would settle the test."""
        return _with_detail(self.detail, _more(self.needed(requirement), self.n, self.units))


@dataclass(frozen=True)
class ValueTest:
    """Test of a metric's value against a floor, by its loss against right answers."""

    best: float  # the value of right answers
    paired: Loss  # against right answers
    n: int  # units of the loss
    units: str = EXAMPLES
    detail: str = ""

    @property
    def value(self) -> float:
        """Return the observed value."""
        return self.best - self.paired.loss

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the lower confidence bound of the value reaches the floor."""
        return self.bound(requirement) >= requirement.limit

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the upper confidence bound of the value is below the floor."""
        return self.best - self.paired.lower(requirement.confidence) < requirement.limit

    def bound(self, requirement: Requirement) -> float:
        """Return the lower confidence bound of the value."""
        return self.best - self.paired.bound(requirement.confidence)

    def needed(self, requirement: Requirement) -> int | None:
        """Estimate the number of units that would settle the test; none if no number would."""
        if requirement.limit == self.best:
            return None
        return self.paired.needed(self.best - requirement.limit, requirement.confidence)

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more units would settle the test."""
        if requirement.limit == self.best:
            remedy = f"no number of {self.units} proves a value of {self.best:g}"
        else:
            remedy = _more(self.needed(requirement), self.n, self.units)
        return _with_detail(self.detail, remedy)


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
