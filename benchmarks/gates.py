"""Measure the error rates of gates on simulated models whose true accuracy is known.

    python -m benchmarks.gates [--models 20000]

Each row is a true value and a size of the test set. Many models are drawn from that distribution.
Three methods judge each of them: the gate, a comparison of the point estimate with the limit, and
an alternative interval. A pass is false if the true value misses the limit or equals it; a failure
is false if the true value is within the limit.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from statsmodels.stats.proportion import proportion_confint

from edgebake.evaluation.gates.hypothesis_tests import (
    GroupedTest,
    HypothesisTest,
    PairedTest,
    ProportionTest,
)
from edgebake.evaluation.gates.verdict import Requirement

SIZES = (200, 1_000, 10_000)
CONFIDENCE = 0.95
WON = 0.01  # examples that the converted model alone gets right, beside those that it loses
CLASSES = 10
RESAMPLES = 999

Counted = NDArray[np.int64]


class Scenario(Protocol):
    """A gate and a true value: how counts are drawn, and how each method judges them."""

    @property
    def asked(self) -> Requirement:
        """Return what the gate asks."""

    @property
    def true(self) -> float:
        """Return the true value."""

    def draw(self, random: np.random.Generator, n: int, models: int) -> Counted:
        """Return what n test examples count of each model [models, counts]."""

    def sample(self, counts: Counted, n: int) -> HypothesisTest:
        """Return what edgebake judges."""

    def point(self, counts: Counted, n: int) -> bool:
        """Return whether the point estimate passes."""

    def other(self, counts: Counted, n: int, random: np.random.Generator) -> bool:
        """Return whether another method passes."""


@dataclass(frozen=True)
class Loss:
    """Accuracy lost against the float model. The alternative method is the paired bootstrap."""

    asked: Requirement
    true: float

    def draw(self, random: np.random.Generator, n: int, models: int) -> Counted:
        """Return how many examples are lost, won, neither."""
        return random.multinomial(n, [self.true + WON, WON, 1 - self.true - 2 * WON], models)

    def sample(self, counts: Counted, n: int) -> HypothesisTest:
        """Return the pairs."""
        return PairedTest(int(counts[0]), int(counts[1]), n)

    def point(self, counts: Counted, n: int) -> bool:
        """Return whether the loss that was found is within the margin."""
        return bool((counts[0] - counts[1]) / n <= self.asked.limit)

    def other(self, counts: Counted, n: int, random: np.random.Generator) -> bool:
        """Return whether the bootstrap's upper bound is within the margin."""
        return _bootstrap(counts, n, random) <= self.asked.limit


@dataclass(frozen=True)
class Accuracy:
    """Accuracy against a floor, in one class or in the worst of several; the rest is at 0.95.

    The alternative method is Wilson's interval.
    """

    asked: Requirement
    true: float
    classes: int = 1

    def draw(self, random: np.random.Generator, n: int, models: int) -> Counted:
        """Return how many examples of each class are right."""
        shares = [self.true, *[0.95] * (self.classes - 1)]
        return random.binomial(n // self.classes, shares, (models, self.classes))

    def sample(self, counts: Counted, n: int) -> HypothesisTest:
        """Return the counts of the one class, or of all."""
        each = n // self.classes
        if self.classes == 1:
            return ProportionTest(int(counts[0]), each)
        return GroupedTest(
            {str(number): ProportionTest(int(right), each) for number, right in enumerate(counts)}
        )

    def point(self, counts: Counted, n: int) -> bool:
        """Return whether every share that was found reaches the floor."""
        return bool(counts.min() / (n // self.classes) >= self.asked.limit)

    def other(self, counts: Counted, n: int, _: np.random.Generator) -> bool:
        """Return whether Wilson's lower bound of every share does."""
        return all(_wilson(int(right), n // self.classes) >= self.asked.limit for right in counts)


def scenarios() -> Iterator[list[Scenario]]:
    """Yield the true values of each gate, from well inside its limit to well outside."""
    margin = Requirement("accuracy_drop", "at_most", 0.02, CONFIDENCE)
    yield [Loss(margin, true) for true in (0.0, 0.01, 0.02, 0.03, 0.04)]
    floor = Requirement("accuracy", "at_least", 0.95, CONFIDENCE)
    yield [Accuracy(floor, true) for true in (0.98, 0.96, 0.95, 0.94, 0.93)]
    each = Requirement("class_accuracy", "at_least", 0.8, CONFIDENCE)
    yield [Accuracy(each, true, CLASSES) for true in (0.95, 0.85, 0.8, 0.7)]


def holds(scenario: Scenario) -> bool:
    """Return whether the true value is on the right side of the limit, and not on it."""
    if scenario.asked.direction == "at_most":
        return scenario.true < scenario.asked.limit
    return scenario.true > scenario.asked.limit


def _bootstrap(counts: Counted, n: int, random: np.random.Generator) -> float:
    """Return the upper bound of the loss: to resample n pairs is to draw their counts."""
    drawn = random.multinomial(n, counts / n, RESAMPLES)
    return float(np.quantile((drawn[:, 0] - drawn[:, 1]) / n, CONFIDENCE))


def _wilson(right: int, n: int) -> float:
    return float(proportion_confint(right, n, alpha=2 * (1 - CONFIDENCE), method="wilson")[0])


def rates(scenario: Scenario, n: int, models: int) -> dict[str, float]:
    """Return how often each method passes and fails models of one true value."""
    random = np.random.default_rng(0)
    found = dict.fromkeys(("point passes", "other passes", "passes", "fails"), 0.0)
    # Models that count the same are judged once.
    for counts, times in zip(
        *np.unique(scenario.draw(random, n, models), axis=0, return_counts=True), strict=True
    ):
        share = times / models
        sample = scenario.sample(counts, n)
        proves = sample.proves(scenario.asked)
        found["point passes"] += share * scenario.point(counts, n)
        found["other passes"] += share * scenario.other(counts, n, random)
        found["passes"] += share * proves
        found["fails"] += share * (not proves and sample.disproves(scenario.asked))
    return found


def row(scenario: Scenario, n: int, models: int) -> list[str]:
    """Return the wrong verdicts of each method: false passes, or false fails."""
    found = rates(scenario, n, models)
    wrong = (
        (1 - found["point passes"], 1 - found["other passes"], found["fails"])
        if holds(scenario)
        else (found["point passes"], found["other passes"], found["passes"])
    )
    undecided = 1 - found["passes"] - found["fails"]
    kind = "false fail" if holds(scenario) else "false pass"
    numbers = [f"{abs(round(share, 4)):.1%}" for share in (*wrong, undecided)]
    return [
        f"{scenario.asked.gate} {scenario.asked}",
        f"{scenario.true:.3f}",
        f"{n:,}",
        kind,
        *numbers,
    ]


def main(models: int) -> None:
    """Print the table."""
    console = Console(width=150)
    table = Table(
        "gate",
        "true value",
        "test set",
        "wrong is a",
        "point",
        "other method",
        "edgebake",
        "inconclusive",
    )
    for scenario in (one for group in scenarios() for one in group):
        for n in SIZES:
            table.add_row(*row(scenario, n, models))
        table.add_section()
    console.print(table)
    error = np.sqrt(0.05 * 0.95 / models)
    console.print(
        f"{models:,} models a row: a rate of 5 % is found with a standard error of {error:.2%}"
    )
    console.print(
        "other method: paired bootstrap for accuracy_drop, Wilson's interval for the rest; "
        "neither it nor the point estimate is ever inconclusive"
    )
    console.print("`inconclusive`: a model that does not pass counts as failed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20_000)
    main(parser.parse_args().models)
