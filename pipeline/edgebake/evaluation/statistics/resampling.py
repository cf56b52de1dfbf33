"""Confidence bounds of a metric's loss by the paired bootstrap, with a floor for rare changes.

The bound is Efron's BCa (1987, JASA 82:171), its normal quantiles widened to Student's as by
Hesterberg (2015, The American Statistician 69:371). No bootstrap sees what the test set does not
hold: where fewer than 30 examples change, the bound is at least the loss plus what unseen changes
could cost. Examples of one group (a voice, a person) are not independent: groups are drawn, and the
floor counts examples as so many fewer as their answers vary more between groups than by chance
(Kish 1965, Survey Sampling, chapter 5). docs/explanation/gates.md has the rates of false passes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from edgebake.tasks.metric import Metric, Rows

RESAMPLES = 999
SEED = 0
ENOUGH = 30  # examples that change, from which on the bootstrap needs no floor
FEWEST = 20  # examples or clusters, below which no bound is given
GROWTH = 1.05  # of the size in a search

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """The group of each example, in which examples are not independent of each other."""

    column: str  # of the data, for example voice
    of_examples: NDArray[np.int64]  # number of the group, 0 to count - 1, [n]

    @property
    def count(self) -> int:
        """Return the number of groups."""
        return int(self.of_examples.max()) + 1


def clusters_of(column: str, values: Sequence[str]) -> Clusters:
    """Return the groups of examples with these values of a column."""
    stripped = [value.strip() for value in values]
    _, numbers = np.unique(stripped, return_inverse=True)
    return Clusters(column, numbers)


@dataclass(frozen=True)
class PairedLoss:
    """By how much a metric is worse for one model than for another, on the same examples."""

    loss: float
    resamples: Floats  # the loss in each resample, [RESAMPLES]
    acceleration: float  # of BCa: a sixth of the skewness of the loss
    moved: int  # examples that leave other rows
    examples: int
    n: int  # what is drawn: examples, or groups where examples are not independent
    worth: float  # most that the metric can lose per share of examples that changes
    design_effect: float = 1.0  # how many examples of groups are worth one independent example

    def bound(self, confidence: float) -> float:
        """Return the one-sided upper confidence bound of the loss."""
        return max(self._quantile(confidence), self.loss + self._unseen(confidence))

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the loss."""
        return min(self._quantile(1 - confidence), self.loss - self._unseen(confidence))

    def needed(self, limit: float, confidence: float) -> int | None:
        """Estimate the number of examples or groups that would settle the side of the limit.

        It assumes that the loss, the rate of changes and their spread stay the same. None where
        the loss is the limit itself: then no number settles it.
        """
        distance = abs(limit - self.loss)
        if distance == 0:
            return None
        half_width = float(ndtri(confidence)) * float(self.resamples.std())
        estimate = int(self.n * (half_width / distance) ** 2)
        size = max(self.n + 1, estimate)
        while self._unseen(confidence, size / self.n) > distance:
            size = int(size * GROWTH) + 1
        return size

    def _unseen(self, confidence: float, growth: float = 1.0) -> float:
        """Return the most that changes may cost which a test set so many times as large misses."""
        independent = growth / self.design_effect
        moved = self.moved * independent
        return unseen_share(moved, self.examples * independent, confidence) * self.worth

    def _quantile(self, confidence: float) -> float:
        """Return the quantile of the resamples that bounds the loss from above."""
        count = len(self.resamples)
        below = np.mean(self.resamples < self.loss) + np.mean(self.resamples == self.loss) / 2
        bias = float(ndtri(np.clip(below, 1 / count, 1 - 1 / count)))
        student = float(stdtrit(self.n - 1, confidence)) * np.sqrt(self.n / (self.n - 1))
        shifted = bias + student
        level = ndtr(bias + shifted / (1 - self.acceleration * shifted))
        return float(np.quantile(self.resamples, level))


def unseen_share(moved: float, n: float, confidence: float) -> float:
    """Return the share of changes that the test set may hold too few of; 0: it holds enough.

    It is the distance from the observed share to Clopper and Pearson's upper bound, at half of the
    error that the confidence allows. Counts of groups' examples may be fractions.
    """
    if moved >= min(ENOUGH, n):
        return 0.0
    alpha = 1 - confidence
    return float(betaincinv(moved + 1, n - moved, 1 - alpha / 2)) - moved / n


def paired_loss(
    metric: Metric, before: Rows, now: Rows, clusters: Clusters | None = None
) -> PairedLoss:
    """Bound the loss from the rows `before` to the rows `now` of the same examples.

    Args:
        metric: the metric.
        before: rows of the reference.
        now: rows of the model.
        clusters: groups that are drawn in place of examples; None: examples are independent.
    """
    sample = _sample(before, now, clusters)
    moved = metric.moved(before, now)
    return PairedLoss(
        loss=sample.loss(metric, sample.counts),
        resamples=_resamples(metric, sample),
        acceleration=_acceleration(metric, sample),
        moved=int(moved.sum()),
        examples=len(moved),
        n=sample.n,
        worth=metric.worth(before),
        design_effect=1.0 if clusters is None else _design_effect(metric, before, moved, clusters),
    )


def _design_effect(
    metric: Metric, before: Rows, moved: NDArray[np.bool_], clusters: Clusters
) -> float:
    """Return how many examples of groups are worth one independent example, at least 1.

    It is that of the changes, or of the reference's errors if that is larger: where few examples
    change, they do not show how they lie in groups. Without a change or an error, whole groups
    count.
    """
    errors = metric.moved(metric.best(before), before)
    if not moved.any() and not errors.any():
        return float(np.bincount(clusters.of_examples).mean())
    return max(1.0, _variance_ratio(moved, clusters), _variance_ratio(errors, clusters))


def _variance_ratio(flags: NDArray[np.bool_], clusters: Clusters) -> float:
    """Return the variance of the share of flags [n] by groups, over that by examples."""
    share = flags.mean()
    if share in (0, 1):
        return 1.0
    sums = np.bincount(clusters.of_examples, flags - share)
    by_groups = np.sum(sums**2) * clusters.count / (clusters.count - 1)
    return float(by_groups / (len(flags) * share * (1 - share)))


@dataclass(frozen=True)
class _Sample:
    """Distinct rows of a test set, and the units that a resample draws: examples or groups."""

    before: Rows
    now: Rows
    units: NDArray[np.int64]  # number of the unit of each row
    repeats: Floats  # how often the unit holds each row
    counts: Floats  # how often the test set holds each unit

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    def loss(self, metric: Metric, counts: Floats) -> float:
        """Return the loss if the test set held each unit so often."""
        weights = counts[self.units] * self.repeats
        before = metric.value(self.before, weights)
        now = metric.value(self.now, weights)
        return metric.loss(before, now)


def _sample(before: Rows, now: Rows, clusters: Clusters | None) -> _Sample:
    """Return the distinct rows: equal examples, of one group if there are groups, are one row."""
    arrays = [*before.values(), *now.values()]
    if clusters is not None:
        arrays.insert(0, clusters.of_examples)
    columns = np.column_stack([np.asarray(array, np.float64) for array in arrays])
    _, first, repeats = np.unique(columns, axis=0, return_index=True, return_counts=True)
    units = np.arange(len(first))
    counts = repeats.astype(np.float64)
    row_repeats = np.ones(len(first))
    if clusters is not None:
        units = clusters.of_examples[first]
        row_repeats = counts
        counts = np.ones(clusters.count)
    return _Sample(
        before={name: array[first] for name, array in before.items()},
        now={name: array[first] for name, array in now.items()},
        units=units,
        repeats=row_repeats,
        counts=counts,
    )


def _resamples(metric: Metric, sample: _Sample) -> Floats:
    random = np.random.default_rng(SEED)
    shares = sample.counts / sample.n
    losses = []
    for _ in range(RESAMPLES):
        counts = random.multinomial(sample.n, shares).astype(np.float64)
        losses.append(sample.loss(metric, counts))
    return np.array(losses)


def _acceleration(metric: Metric, sample: _Sample) -> float:
    """Return BCa's acceleration from the losses without each unit (Efron 1987, equation 6.6)."""
    losses = []
    counts = sample.counts.copy()
    for unit in range(len(counts)):
        counts[unit] -= 1
        losses.append(sample.loss(metric, counts))
        counts[unit] += 1
    without = np.array(losses)
    deviations = np.average(without, weights=sample.counts) - without
    spread = float(np.sum(sample.counts * deviations**2))
    if spread == 0:
        return 0.0
    return float(np.sum(sample.counts * deviations**3)) / (6 * spread * math.sqrt(spread))
