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
        upper = self.bound(requirement)
        return upper <= requirement.limit

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the lower confidence bound of the loss is above the limit."""
        lower = self.paired.lower(requirement.confidence)
        return lower > requirement.limit

    def bound(self, requirement: Requirement) -> float:
        """Return the upper confidence bound of the loss."""
        return self.paired.bound(requirement.confidence)

    def interval(self, confidence: float) -> list[float]:
        """Return both ends of an interval, each at a one-sided confidence."""
        lower = self.paired.lower(confidence)
        upper = self.paired.bound(confidence)
        return [lower, upper]

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more units would settle the test."""
        needed = self.needed(requirement)
        remedy = _more(needed, self.n, self.units)
        return _with_detail(self.detail, remedy)

    def needed(self, requirement: Requirement) -> int | None:
        """Estimate the number of units that would settle the test; None if no number would."""
        return self.paired.needed(requirement.limit, requirement.confidence)


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
        bound = self.bound(requirement)
        return requirement.is_met_by(bound)

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether the bound on the other side misses the limit."""
        smallest_loss = self.loss.paired.lower(requirement.confidence)
        best_value = self._at(smallest_loss)
        return not requirement.is_met_by(best_value)

    def bound(self, requirement: Requirement) -> float:
        """Return the confidence bound of the value on the side of worse values."""
        largest_loss = self.loss.bound(requirement)
        return self._at(largest_loss)

    def interval(self, confidence: float) -> list[float]:
        """Return both ends of an interval, each at a one-sided confidence."""
        losses = self.loss.interval(confidence)
        values = [self._at(loss) for loss in losses]
        return sorted(values)

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more units would settle the test."""
        if requirement.limit == self.best:
            remedy = f"no number of {self.loss.units} proves a value of {self.best:g}"
            return _with_detail(self.detail, remedy)
        on_loss = self._on_loss(requirement)
        return self.loss.note(on_loss)

    def missing(self, requirement: Requirement) -> int | None:
        """Estimate how many more units would settle the test; None if no number would."""
        on_loss = self._on_loss(requirement)
        needed = self.loss.needed(on_loss)
        if needed is None:
            return None
        return needed - self.loss.n

    def _on_loss(self, requirement: Requirement) -> Requirement:
        limit = self.metric.loss(self.best, requirement.limit)
        return replace(requirement, limit=limit)

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
        values = {name: test.value for name, test in self.groups.items()}
        return min(values, key=values.__getitem__)

    @property
    def detail(self) -> str:
        """Return the worst class or slice."""
        worst = self.groups[self.worst]
        return self._of_worst(worst.detail)

    def proves(self, requirement: Requirement) -> bool:
        """Return whether every class or slice proves the requirement."""
        return all(test.proves(requirement) for test in self.groups.values())

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether some class or slice misses the limit, corrected for their number."""
        alpha = requirement.alpha / len(self.groups)
        corrected = replace(requirement, confidence=1 - alpha)
        return any(test.disproves(corrected) for test in self.groups.values())

    def bound(self, requirement: Requirement) -> float:
        """Return the lowest of the lower confidence bounds."""
        bounds = [test.bound(requirement) for test in self.groups.values()]
        return min(bounds)

    def note(self, requirement: Requirement) -> str:
        """Return the worst class or slice, and how many more groups would settle the test."""
        if self.proves(requirement) or self.disproves(requirement):
            return self.detail
        worst = self.groups[self.worst]
        numbers = []
        for test in self.groups.values():
            if test.proves(requirement):
                continue
            missing = test.missing(requirement)
            if missing is not None:
                numbers.append(missing)
        if requirement.limit == worst.best or not numbers:
            return self._of_worst(worst.note(requirement))
        units = f"{worst.loss.units} of each that is unproven"
        remedy = f"about {max(numbers):,} more {units} would decide"
        return self._of_worst(_with_detail(worst.detail, remedy))

    def _of_worst(self, remark: str) -> str:
        name = self.worst
        value = self.groups[name].value
        return f"worst is {printable(name)}: {value:.4g}, {remark}"


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
        upper = self.bound(requirement)
        return upper <= requirement.limit

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
            remedy = THE_LIMIT.format(units="hours")
        else:
            more_hours = needed - self.hours
            remedy = f"about {more_hours:.2g} more hours would decide"
        return f"{self.detail}; {remedy}"


def _more(needed: int | None, n: int, units: str) -> str:
    if units == EXAMPLES:
        return more_examples(needed, n)
    if needed is None:
        return THE_LIMIT.format(units=units)
    return f"about {needed - n:,} more {units} would decide"


def _with_detail(detail: str, remedy: str) -> str:
    if detail:
        return f"{detail}; {remedy}"
    return remedy
