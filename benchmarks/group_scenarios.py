"""Scenarios of `benchmarks.gates` for examples of persons, which are not independent.

The alternative method of all is the exact test of examples taken alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.metric_scenarios import CONFIDENCE, WON, Judged, MetricScenario
from edgebake.evaluation.gates import judging
from edgebake.evaluation.gates.hypothesis_tests import PairedTest, ProportionTest
from edgebake.evaluation.gates.metric_tests import ClusteredGroupsTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics.resampling import Clusters
from edgebake.tasks.outputs.classification import ACCURACY

PERSONS = {200: 20, 1_000: 40, 10_000: 100}  # by size of the test set
SPREAD = 10.0  # of the beta distribution of a person's share: the less, the wider
OTHERS_WRONG = 0.01  # of the examples of the classes that are not at the limit


@dataclass(frozen=True)
class ClusterLoss:
    """Accuracy lost by persons, of whom some lose much."""

    lost: float  # share of the examples

    @property
    def true(self) -> float:
        """Return the true loss."""
        return self.lost - WON

    @property
    def requirement(self) -> Requirement:
        """Return the true loss as the limit."""
        return Requirement("accuracy_drop by person", "at_most", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw the persons and their examples, and judge them."""
        of_person = _shares(random, self.lost, PERSONS[n])
        persons = _persons(n)
        drawn = random.random(n)
        is_lost = drawn < of_person[persons]
        is_won = drawn > 1 - WON
        # Where answers change, more are wrong before and now.
        is_wrong = random.random(n) < 2 * of_person[persons]
        is_wrong &= ~is_lost & ~is_won
        before = {"right": ~is_won & ~is_wrong}
        now = {"right": ~is_lost & ~is_wrong}
        clusters = Clusters("person", persons)
        test = judging.drop_test(ACCURACY, before, now, clusters)
        alone = PairedTest(int((is_lost & ~is_won).sum()), int((is_won & ~is_lost).sum()), n)
        return Judged(test, alone.loss, alone.bound(self.requirement))


@dataclass(frozen=True)
class ClusterValue:
    """Accuracy by persons, of whom some have many wrong answers."""

    wrong: float  # share of the examples

    @property
    def true(self) -> float:
        """Return the true accuracy."""
        return 1 - self.wrong

    @property
    def requirement(self) -> Requirement:
        """Return the true accuracy as the limit."""
        return Requirement("accuracy by person", "at_least", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw the persons and their examples, and judge them."""
        persons = _persons(n)
        of_person = _shares(random, self.wrong, PERSONS[n])
        right = random.random(n) >= of_person[persons]
        test = judging.score_test(ACCURACY, {"right": right}, Clusters("person", persons))
        alone = ProportionTest(int(right.sum()), n)
        return Judged(test, alone.share, alone.bound(self.requirement))


@dataclass(frozen=True)
class ClusterGroups:
    """Accuracy of every class or slice, by persons who have examples of each; one is at the limit.

    A person's shares of wrong answers to each are independent.
    """

    gate: str
    wrong: float  # share of the examples of the one at the limit
    groups: int  # classes or slices, of the same size

    @property
    def true(self) -> float:
        """Return the true accuracy of the worst."""
        return 1 - self.wrong

    @property
    def requirement(self) -> Requirement:
        """Return the true accuracy of the worst as the limit."""
        return Requirement(f"{self.gate} by person", "at_least", self.true, CONFIDENCE)

    def judge(self, random: np.random.Generator, n: int) -> Judged:
        """Draw the persons and their examples of each class, and judge all."""
        persons = _persons(n)
        tests = {}
        points = []
        bounds = []
        for number in range(self.groups):
            wrong = self.wrong if number == 0 else OTHERS_WRONG
            of_person = _shares(random, wrong, PERSONS[n])
            members = persons[number :: self.groups]
            right = random.random(len(members)) >= of_person[members]
            clusters = Clusters("person", members)
            tests[str(number)] = judging.value_test(ACCURACY, {"right": right}, clusters)
            alone = ProportionTest(int(right.sum()), len(right))
            points.append(alone.share)
            bounds.append(alone.bound(self.requirement))
        return Judged(ClusteredGroupsTest(tests), min(points), min(bounds))


def scenarios() -> Iterator[list[MetricScenario]]:
    """Yield the scenarios of each gate."""
    yield [ClusterLoss(0.05), ClusterLoss(0.01)]
    yield [ClusterValue(0.05), ClusterValue(0.01)]
    yield [ClusterGroups("class_accuracy", 0.2, 5), ClusterGroups("slice_accuracy", 0.05, 2)]


def _persons(n: int) -> NDArray[np.int64]:
    """Return the number of the person of each example, [n]."""
    groups = PERSONS[n]
    return np.repeat(np.arange(groups), n // groups)


def _shares(random: np.random.Generator, mean: float, persons: int) -> NDArray[np.float64]:
    """Return a share of each person, [persons], that is the mean in the long run."""
    return random.beta(mean * SPREAD, (1 - mean) * SPREAD, persons)
