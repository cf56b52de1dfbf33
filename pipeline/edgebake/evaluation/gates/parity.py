"""Hypothesis tests of parity: how often files of one model differ between runtimes.

The margin is tested for each other runtime, for the float parent of either file, and with and
without the examples on which both answers are wrong. It is proven where each test proves it (an
intersection-union test, Berger 1982); it is disproved where some test is rejected after Holm's
correction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgebake.evaluation.gates.hypothesis_tests import (
    PairedTest,
    ProportionTest,
    holm,
    more_examples,
)
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.parity import MARGINS, Comparison, DifferingExample
from edgebake.evaluation.statistics import paired
from edgebake.terminal.printable import printable

SHOWN = 3  # differing examples in a message


@dataclass(frozen=True)
class ExcessTest:
    """Exact paired test of how much more two files differ than one of them from its parent."""

    counts: PairedTest
    margins: int  # how many margins the excess may be

    @property
    def value(self) -> float:
        """Return the observed excess in margins' units, -1 to 1."""
        return self.counts.loss / self.margins

    @property
    def interval(self) -> list[float]:
        """Return both ends of the two-sided confidence interval of the excess."""
        counts = self.counts
        ends = paired.interval(counts.lost, counts.won, counts.n)
        return [end / self.margins for end in ends]

    def scaled(self, requirement: Requirement) -> Requirement:
        """Return the requirement on the excess that this test counts."""
        limit = min(1.0, requirement.limit * self.margins)
        return replace(requirement, limit=limit)

    def proves(self, requirement: Requirement) -> bool:
        """Return whether the upper confidence bound of the excess is within the margin."""
        return self.counts.proves(self.scaled(requirement))

    def p_within(self, requirement: Requirement) -> float:
        """Return the p-value of the hypothesis that the true excess is within the margin."""
        return self.counts.p_at_most(self.scaled(requirement).limit)

    def needed(self, requirement: Requirement) -> int | None:
        """Estimate the number of examples that would settle the test; none if no number would."""
        counts = self.counts
        scaled = self.scaled(requirement)
        return paired.needed((counts.lost, counts.won, counts.n), scaled.limit, scaled.confidence)


@dataclass(frozen=True)
class RelativeParityTest:
    """Test that a file differs from those of other runtimes hardly more than from its parent."""

    tests: list[ExcessTest]
    detail: str

    @property
    def worst(self) -> ExcessTest:
        """Return the test with the largest excess."""
        return max(self.tests, key=lambda test: test.value)

    def proves(self, requirement: Requirement) -> bool:
        """Return whether every test proves the margin."""
        return all(test.proves(requirement) for test in self.tests)

    def disproves(self, requirement: Requirement) -> bool:
        """Return whether some excess is beyond the margin, corrected for the number of tests."""
        p_values = [test.p_within(requirement) for test in self.tests]
        return any(holm(p_values, requirement.alpha))

    def bound(self, requirement: Requirement) -> float:
        """Return the largest of the tests' upper confidence bounds."""
        largest = -1.0
        for test in self.tests:
            counts = test.counts
            # A bound takes many p-values, and to be below another bound takes one.
            is_below = largest > 0 and test.proves(replace(requirement, limit=largest))
            if not is_below:
                bound = paired.upper(counts.lost, counts.won, counts.n, requirement.confidence)
                largest = max(largest, bound / test.margins)
        return largest

    def note(self, requirement: Requirement) -> str:
        """Return the detail, and how many more examples would settle the test."""
        unproven = [test for test in self.tests if not test.proves(requirement)]
        if not unproven or self.disproves(requirement):
            return self.detail
        needed = [test.needed(requirement) for test in unproven]
        counts = [count for count in needed if count is not None]
        most = max(counts) if len(counts) == len(needed) else None
        return f"{self.detail}; {more_examples(most, unproven[0].counts.n)}"


def agreement_test(comparisons: Sequence[Comparison]) -> ProportionTest:
    """Return the test of a file's agreement with the runtime that agrees least."""
    least = min(comparisons, key=Comparison.agreement)
    return ProportionTest(least.same, least.n, _detail(least))


def relative_test(comparisons: Sequence[Comparison]) -> RelativeParityTest:
    """Return the test of a file's differences against those from the float parents."""
    tests = []
    worst = comparisons[0]
    largest = -1.0
    for comparison in comparisons:
        for excess in comparison.excesses:
            counts = PairedTest(excess.more, excess.fewer, comparison.n)
            test = ExcessTest(counts, MARGINS[excess.counted])
            tests.append(test)
            if test.value > largest:
                largest = test.value
                worst = comparison
    return RelativeParityTest(tests, _detail(worst))


def _detail(comparison: Comparison) -> str:
    """Return how often a file differs from another and from its parent, and three examples."""
    runtime = comparison.runtime
    differing = comparison.n - comparison.same
    text = (
        f"differs from {runtime} ({comparison.other}) on {differing:,} "
        f"of {comparison.n:,} examples; "
        f"from the float parent this file differs on {comparison.off_float:,}, "
        f"that of {runtime} on {comparison.other_off_float:,}"
    )
    shown = comparison.first_differing[:SHOWN]
    if not shown:
        return text
    examples = [_example_text(example, runtime) for example in shown]
    return f"{text}; for example {'; '.join(examples)}"


def _example_text(example: DifferingExample, runtime: str) -> str:
    answers = f"{printable(example.answer)}, {runtime} {printable(example.other_answer)}"
    return f"{printable(example.name)}: {answers}, truth {printable(example.label)}"
