"""Confidence bounds of a metric's loss by the paired bootstrap, with a floor for rare changes.

The bound is Efron's BCa (1987, JASA 82:171), its normal quantiles widened to Student's as by
Hesterberg (2015, The American Statistician 69:371), and by the chance in a limited number of
resamples (Hall 1986, Annals of Statistics 14:1453). No bootstrap sees what the test set does not
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

from edgebake.data.splits import FEWEST_GROUPS
from edgebake.evaluation.statistics.bootstrap import variance_of_resampling
from edgebake.tasks.metric import Metric, Rows

RESAMPLES = 999
SEED = 0
ENOUGH = 30  # examples that change, from which on the bootstrap needs no floor
FEWEST = FEWEST_GROUPS  # examples or groups, below which no bound is given
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
        quantile = self._quantile(confidence)
        floor = self.loss + self._unseen(confidence)
        return max(quantile, floor)

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the loss."""
        quantile = self._quantile(1 - confidence)
        ceiling = self.loss - self._unseen(confidence)
        return min(quantile, ceiling)

    def needed(self, limit: float, confidence: float) -> int | None:
        """Estimate the number of examples or groups that would settle the side of the limit.

        It assumes that the loss, the rate of changes and their spread stay the same. None where
        the loss is the limit itself: then no number settles it.
        """
        distance = abs(limit - self.loss)
        if distance == 0:
            return None
        quantile = float(ndtri(confidence))
        deviation = float(self.resamples.std())
        half_width = quantile * deviation
        growth = (half_width / distance) ** 2
        estimate = int(self.n * growth)
        size = max(self.n + 1, estimate)
        while self._unseen(confidence, size / self.n) > distance:
            larger = int(size * GROWTH)
            size = larger + 1
        return size

    def _unseen(self, confidence: float, growth: float = 1.0) -> float:
        """Return the most that changes may cost which a test set so many times as large misses."""
        independent = growth / self.design_effect
        moved = self.moved * independent
        examples = self.examples * independent
        share = unseen_share(moved, examples, confidence)
        return share * self.worth

    def _quantile(self, confidence: float) -> float:
        """Return the quantile of the resamples that bounds the loss from above."""
        lowest_share = 1 / len(self.resamples)
        below = np.mean(self.resamples < self.loss)
        equal = np.mean(self.resamples == self.loss)
        share = below + equal / 2
        share = np.clip(share, lowest_share, 1 - lowest_share)
        bias = float(ndtri(share))
        freedom = self.n - 1  # degrees of it
        student = float(stdtrit(freedom, confidence))
        student *= np.sqrt(self.n / freedom)
        of_chance = variance_of_resampling(confidence, len(self.resamples))
        student *= np.sqrt(1 + of_chance)
        shifted = bias + student
        stretch = 1 - self.acceleration * shifted
        normal = bias + shifted / stretch
        level = ndtr(normal)
        # The k-th of 999 is the quantile of k / 1000 (Davison & Hinkley 1997, section 5.2).
        quantile = np.quantile(self.resamples, level, method="weibull")
        return float(quantile)


def unseen_share(moved: float, n: float, confidence: float) -> float:
    """Return the share of changes that the test set may hold too few of; 0: it holds enough.

    It is the distance from the observed share to Clopper and Pearson's upper bound, at half of the
    error that the confidence allows. Counts of groups' examples may be fractions.
    """
    if moved >= min(ENOUGH, n):
        return 0.0
    alpha = 1 - confidence
    level = 1 - alpha / 2
    unmoved = n - moved
    upper = float(betaincinv(moved + 1, unmoved, level))
    observed = moved / n
    return upper - observed


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
    design_effect = 1.0
    if clusters is not None:
        design_effect = _design_effect(metric, before, moved, clusters)
    return PairedLoss(
        loss=sample.loss(metric, sample.counts),
        resamples=_resamples(metric, sample),
        acceleration=_acceleration(metric, sample),
        moved=int(moved.sum()),
        examples=len(moved),
        n=sample.n,
        worth=metric.worth(before),
        design_effect=design_effect,
    )


def _design_effect(
    metric: Metric, before: Rows, moved: NDArray[np.bool_], clusters: Clusters
) -> float:
    """Return how many examples of groups are worth one independent example, at least 1.

    It is that of the changes, or of the reference's errors if that is larger: where few examples
    change, they do not show how they lie in groups. Without a change or an error, whole groups
    count.
    """
    right_rows = metric.best(before)
    errors = metric.moved(right_rows, before)
    if not moved.any() and not errors.any():
        sizes = np.bincount(clusters.of_examples)
        return float(sizes.mean())
    of_changes = _variance_ratio(moved, clusters)
    of_errors = _variance_ratio(errors, clusters)
    return max(1.0, of_changes, of_errors)


def _variance_ratio(flags: NDArray[np.bool_], clusters: Clusters) -> float:
    """Return the variance of the share of flags [n] by groups, over that by examples."""
    share = flags.mean()
    if share in (0, 1):
        return 1.0
    groups = clusters.count
    sums = np.bincount(clusters.of_examples, flags - share)
    squares = np.sum(sums**2)
    by_groups = squares * groups / (groups - 1)
    by_examples = len(flags) * share * (1 - share)
    ratio = by_groups / by_examples
    return float(ratio)


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
        weights = counts[self.units]
        weights = weights * self.repeats
        before = metric.value(self.before, weights)
        now = metric.value(self.now, weights)
        return metric.loss(before, now)


def _sample(before: Rows, now: Rows, clusters: Clusters | None) -> _Sample:
    """Return the distinct rows: equal examples, of one group if there are groups, are one row."""
    arrays = [*before.values(), *now.values()]
    if clusters is not None:
        arrays.insert(0, clusters.of_examples)
    floats = [np.asarray(array, np.float64) for array in arrays]
    columns = np.column_stack(floats)
    _, first, repeats = np.unique(columns, axis=0, return_index=True, return_counts=True)
    distinct = len(first)
    units = np.arange(distinct)
    counts = repeats.astype(np.float64)
    row_repeats = np.ones(distinct)
    if clusters is not None:
        units = clusters.of_examples[first]
        row_repeats = counts
        counts = np.ones(clusters.count)
    return _Sample(
        before=_rows_at(before, first),
        now=_rows_at(now, first),
        units=units,
        repeats=row_repeats,
        counts=counts,
    )


def _rows_at(rows: Rows, numbers: NDArray[np.int64]) -> Rows:
    return {name: array[numbers] for name, array in rows.items()}


def _resamples(metric: Metric, sample: _Sample) -> Floats:
    random = np.random.default_rng(SEED)
    shares = sample.counts / sample.n
    losses = []
    for _ in range(RESAMPLES):
        draws = random.multinomial(sample.n, shares)
        counts = draws.astype(np.float64)
        loss = sample.loss(metric, counts)
        losses.append(loss)
    return np.array(losses)


def _acceleration(metric: Metric, sample: _Sample) -> float:
    """Return BCa's acceleration from the losses without each unit (Efron 1987, equation 6.6)."""
    losses = []
    counts = sample.counts.copy()
    for unit in range(len(counts)):
        counts[unit] -= 1
        loss = sample.loss(metric, counts)
        losses.append(loss)
        counts[unit] += 1
    without = np.array(losses)
    mean = np.average(without, weights=sample.counts)
    deviations = mean - without
    squares = sample.counts * deviations**2
    spread = float(np.sum(squares))
    if spread == 0:
        return 0.0
    cubes = sample.counts * deviations**3
    asymmetry = float(np.sum(cubes))
    return asymmetry / (6 * spread * math.sqrt(spread))
