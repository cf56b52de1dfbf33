"""Measure the error rates of gates on simulated models whose true accuracy is known.

    python -m benchmarks.gates [--models 20000] [--metric-models 1000]

Each row is a true value and a size of the test set. Many models are drawn from that distribution.
Three methods judge each of them: the gate, a comparison of the point estimate with the limit, and
an alternative interval. A pass is false if the true value misses the limit or equals it; a failure
is false if the true value is within the limit.
"""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from statsmodels.stats.proportion import proportion_confint

from benchmarks import area_scenarios, group_scenarios, metric_scenarios
from benchmarks.metric_scenarios import MetricScenario
from edgebake.evaluation.gates.hypothesis_tests import (
    GroupedTest,
    HypothesisTest,
    PairedTest,
    ProportionTest,
)
from edgebake.evaluation.gates.verdict import Requirement

SIZES = (200, 1_000, 10_000)
CONFIDENCE = 0.95
WON = 0.01  # share of examples that only the converted model predicts correctly
CLASSES = 10
RESAMPLES = 999

COLUMNS = (
    "gate",
    "true value",
    "test set",
    "wrong is a",
    "point",
    "other method",
    "edgebake",
    "inconclusive",
)

Counts = NDArray[np.int64]


class Scenario(Protocol):
    """A gate and a true value: how counts are drawn, and how each method judges them."""

    @property
    def requirement(self) -> Requirement:
        """Return the requirement of the gate."""

    @property
    def true(self) -> float:
        """Return the true value."""

    def draw(self, random: np.random.Generator, n: int, models: int) -> Counts:
        """Draw the counts of n test examples for each model, [models, counts]."""

    def hypothesis_test(self, counts: Counts, n: int) -> HypothesisTest:
        """Return edgebake's test of one model's counts."""

    def point_passes(self, counts: Counts, n: int) -> bool:
        """Return whether the point estimate passes."""

    def alternative_passes(self, counts: Counts, n: int, random: np.random.Generator) -> bool:
        """Return whether the alternative method passes."""


@dataclass(frozen=True)
class Loss:
    """Accuracy lost against the float model. The alternative method is the paired bootstrap."""

    requirement: Requirement
    true: float

    def draw(self, random: np.random.Generator, n: int, models: int) -> Counts:
        """Draw the numbers of examples lost, won and neither, [models, 3]."""
        return random.multinomial(n, [self.true + WON, WON, 1 - self.true - 2 * WON], models)

    def hypothesis_test(self, counts: Counts, n: int) -> HypothesisTest:
        """Return the test of paired predictions."""
        return PairedTest(int(counts[0]), int(counts[1]), n)

    def point_passes(self, counts: Counts, n: int) -> bool:
        """Return whether the measured loss is within the margin."""
        return bool((counts[0] - counts[1]) / n <= self.requirement.limit)

    def alternative_passes(self, counts: Counts, n: int, random: np.random.Generator) -> bool:
        """Return whether the bootstrap's upper bound is within the margin."""
        return _bootstrap_bound(counts, n, random) <= self.requirement.limit


@dataclass(frozen=True)
class Accuracy:
    """Accuracy against a floor, in one class or in the worst of several; the rest is at 0.95.

    The alternative method is Wilson's interval.
    """

    requirement: Requirement
    true: float
    classes: int = 1

    def draw(self, random: np.random.Generator, n: int, models: int) -> Counts:
        """Draw the number of correct predictions of each class, [models, classes]."""
        shares = [self.true, *[0.95] * (self.classes - 1)]
        return random.binomial(n // self.classes, shares, (models, self.classes))

    def hypothesis_test(self, counts: Counts, n: int) -> HypothesisTest:
        """Return the test of one share, or of the share of every class."""
        class_size = n // self.classes
        if self.classes == 1:
            return ProportionTest(int(counts[0]), class_size)
        tests = {}
        for number, correct in enumerate(counts):
            tests[str(number)] = ProportionTest(int(correct), class_size)
        return GroupedTest(tests)

    def point_passes(self, counts: Counts, n: int) -> bool:
        """Return whether every measured share reaches the floor."""
        return bool(counts.min() / (n // self.classes) >= self.requirement.limit)

    def alternative_passes(self, counts: Counts, n: int, _: np.random.Generator) -> bool:
        """Return whether Wilson's lower bound of every share reaches the floor."""
        class_size = n // self.classes
        bounds = [_wilson_bound(int(correct), class_size) for correct in counts]
        return min(bounds) >= self.requirement.limit


def scenarios() -> Iterator[list[Scenario]]:
    """Yield the scenarios of each gate, from well within its limit to well outside."""
    margin = Requirement("accuracy_drop", "at_most", 0.02, CONFIDENCE)
    yield [Loss(margin, true) for true in (0.0, 0.01, 0.02, 0.03, 0.04)]
    floor = Requirement("accuracy", "at_least", 0.95, CONFIDENCE)
    yield [Accuracy(floor, true) for true in (0.98, 0.96, 0.95, 0.94, 0.93)]
    class_floor = Requirement("class_accuracy", "at_least", 0.8, CONFIDENCE)
    yield [Accuracy(class_floor, true, CLASSES) for true in (0.95, 0.85, 0.8, 0.7)]


def is_within_limit(scenario: Scenario | MetricScenario) -> bool:
    """Return whether the true value is within the limit and does not equal it."""
    if scenario.requirement.direction == "at_most":
        return scenario.true < scenario.requirement.limit
    return scenario.true > scenario.requirement.limit


def _bootstrap_bound(counts: Counts, n: int, random: np.random.Generator) -> float:
    """Return the upper bound of the loss.

    Resampling n pairs with replacement is the same as drawing their counts.
    """
    resampled = random.multinomial(n, counts / n, RESAMPLES)
    losses = (resampled[:, 0] - resampled[:, 1]) / n
    return float(np.quantile(losses, CONFIDENCE))


def _wilson_bound(correct: int, n: int) -> float:
    lower, _ = proportion_confint(correct, n, alpha=2 * (1 - CONFIDENCE), method="wilson")
    return float(lower)


@dataclass
class Rates:
    """The share of models with each verdict."""

    point_passes: float = 0.0
    alternative_passes: float = 0.0
    passes: float = 0.0
    fails: float = 0.0


def simulate(scenario: Scenario, n: int, models: int) -> Rates:
    """Draw models of one true value, and return how often each method passes and fails them."""
    random = np.random.default_rng(0)
    drawn = scenario.draw(random, n, models)
    rates = Rates()
    # Models with the same counts get the same verdict, so each combination is judged once.
    combinations, repetitions = np.unique(drawn, axis=0, return_counts=True)
    for counts, repetition in zip(combinations, repetitions, strict=True):
        share = repetition / models
        test = scenario.hypothesis_test(counts, n)
        proves = test.proves(scenario.requirement)
        disproves = not proves and test.disproves(scenario.requirement)
        rates.point_passes += share * scenario.point_passes(counts, n)
        rates.alternative_passes += share * scenario.alternative_passes(counts, n, random)
        rates.passes += share * proves
        rates.fails += share * disproves
    return rates


def simulate_metric(scenario: MetricScenario, n: int, models: int) -> Rates:
    """Draw test sets of models at the limit, and return how often each method passes them."""
    random = np.random.default_rng(0)
    requirement = scenario.requirement
    rates = Rates()
    for _ in range(models):
        judged = scenario.judge(random, n)
        proves = judged.test.proves(requirement)
        rates.passes += proves / models
        rates.fails += (not proves and judged.test.disproves(requirement)) / models
        rates.point_passes += requirement.is_met_by(judged.point) / models
        rates.alternative_passes += requirement.is_met_by(judged.alternative) / models
    return rates


def row(scenario: Scenario | MetricScenario, n: int, rates: Rates) -> list[str]:
    """Return the rate of wrong verdicts of each method: false passes or false fails."""
    if is_within_limit(scenario):
        kind = "false fail"
        wrong = (1 - rates.point_passes, 1 - rates.alternative_passes, rates.fails)
    else:
        kind = "false pass"
        wrong = (rates.point_passes, rates.alternative_passes, rates.passes)
    inconclusive = 1 - rates.passes - rates.fails
    # Rounding errors of the sums can be negative.
    percentages = [f"{abs(round(share, 4)):.1%}" for share in (*wrong, inconclusive)]
    requirement = scenario.requirement
    return [
        f"{requirement.gate} {requirement.direction.replace('_', ' ')} {requirement.limit:.3g}",
        f"{scenario.true:.4g}",
        f"{n:,}",
        kind,
        *percentages,
    ]


def main(models: int, metric_models: int) -> None:
    """Print the table."""
    console = Console(width=150)
    table = Table(*COLUMNS)
    for gate_scenarios in scenarios():
        for scenario in gate_scenarios:
            for n in SIZES:
                table.add_row(*row(scenario, n, simulate(scenario, n, models)))
            table.add_section()
    for module in (metric_scenarios, area_scenarios, group_scenarios):
        for metric_scenario in itertools.chain.from_iterable(module.scenarios()):
            for n in SIZES:
                rates = simulate_metric(metric_scenario, n, metric_models)
                table.add_row(*row(metric_scenario, n, rates))
            table.add_section()
    console.print(table)
    for count, what in ((models, "counts"), (metric_models, "other metrics")):
        error = np.sqrt(0.05 * 0.95 / count)
        console.print(
            f"{count:,} models a row of {what}: the standard error of a rate of 5 % is {error:.2%}"
        )
    console.print(
        "other method: paired bootstrap for accuracy_drop, Wilson's interval for shares; "
        "bootstrap and DeLong's interval without the floor for mean_gain, macro_f1 and auc; "
        "the percentile bootstrap without the floor for expected_calibration_error; "
        "the exact test of examples alone for gates by person (20, 40 and 100 of them); "
        "Wald's interval for false alarms"
    )
    console.print(
        "neither it nor the point estimate is ever inconclusive: "
        "a model that does not pass counts as failed"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20_000)
    parser.add_argument("--metric-models", type=int, default=1_000)
    arguments = parser.parse_args()
    main(arguments.models, arguments.metric_models)
