"""Confidence bounds of an area under the ROC curve, and of the area that a model loses.

DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44:837), by ranks as Sun & Xu 2014 (IEEE Signal
Processing Letters 21:1389). The area is the probability that a positive example scores higher than
a negative one; equal scores count half. The normal quantile is corrected for the skewness of the
placements, as by BCa (Efron 1987), and for that of pairs beyond it: the second term of the
Edgeworth expansion of a studentized U-statistic (Helmers 1991, Annals of Statistics 19:470), of two
samples. The floor is that of `resampling`: near an area of 1 and where few examples change,
DeLong's interval alone is too short.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from edgebake.evaluation.statistics.resampling import unseen_share

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placements:
    """The share of the other class that each example is on the right side of."""

    positives: Floats  # share of negatives below each positive, [positives]
    negatives: Floats  # share of positives above each negative, [negatives]

    @property
    def auc(self) -> float:
        """Return the area under the curve, 0 to 1."""
        return float(self.positives.mean())


def placements(scores: NDArray[np.float64], truths: NDArray[np.int64]) -> Placements:
    """Return the placements of scores [n], higher for positives; truths [n] are 0 or 1."""
    is_positive = truths == 1
    is_negative = ~is_positive
    ranks = _midranks(scores)
    ranks_in_positives = _midranks(scores[is_positive])
    ranks_in_negatives = _midranks(scores[is_negative])
    # A rank among all without that in the class counts the lower scores of the other class.
    lower_negatives = ranks[is_positive] - ranks_in_positives
    lower_positives = ranks[is_negative] - ranks_in_negatives
    positives = lower_negatives / len(lower_positives)
    negatives = 1 - lower_positives / len(lower_negatives)
    return Placements(positives, negatives)


@dataclass(frozen=True)
class AucLoss:
    """The area that a model loses against another on the same examples."""

    loss: float
    variance: float
    acceleration: float  # a sixth of the skewness of the placements
    interaction: float  # a sixth of the skewness that pairs add to it
    # Of each class: the examples that are placed otherwise, and all.
    moved: tuple[int, int]
    sizes: tuple[int, int]

    @property
    def scarcer(self) -> int:
        """Return the number of examples of the class with fewer."""
        return min(self.sizes)

    def bound(self, confidence: float) -> float:
        """Return the one-sided upper confidence bound of the loss."""
        distance = self._distance(confidence)
        floor = self._unseen(confidence, 1)
        return self.loss + max(distance, floor)

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the loss."""
        distance = self._distance(1 - confidence)
        floor = self._unseen(confidence, 1)
        return self.loss + min(distance, -floor)

    def needed(self, limit: float, confidence: float) -> int | None:
        """Estimate how many examples of the scarcer class would settle the side of the limit.

        It assumes that the loss, its spread and the share of the classes stay the same. None where
        the loss is the limit itself: then no number settles it.
        """
        distance = abs(limit - self.loss)
        if distance == 0:
            return None
        half_width = self._distance(confidence)
        growth = max(1.0, (half_width / distance) ** 2)
        while self._unseen(confidence, growth) > distance:
            growth *= 1.05
        estimate = np.ceil(self.scarcer * growth)
        return max(self.scarcer + 1, int(estimate))

    def _distance(self, confidence: float) -> float:
        """Return the distance of the bound from the loss, without the floor."""
        student = float(stdtrit(self.scarcer - 1, confidence))
        skewness = _widening(self.acceleration, student)
        interaction = _widening(self.interaction, student)
        shifted = skewness + student
        stretch = 1 - skewness * shifted
        normal = skewness + shifted / stretch
        curvature = normal**2 - 1
        quantile = normal + skewness * curvature  # Cornish & Fisher's first term
        of_pairs = student**2 + 1
        quantile += interaction * of_pairs
        deviation = float(np.sqrt(self.variance))
        return quantile * deviation

    def _unseen(self, confidence: float, growth: float) -> float:
        """Return the area that unseen changes may cost, if both classes were larger."""
        shares = []
        for moved, size in zip(self.moved, self.sizes, strict=True):
            grown_moved = round(moved * growth)
            grown_size = round(size * growth)
            share = unseen_share(grown_moved, grown_size, confidence)
            shares.append(share)
        return max(shares)


def auc_loss(before: Floats, now: Floats, truths: NDArray[np.int64]) -> AucLoss:
    """Compare two models' scores [n] of the same examples; truths [n] are 0 or 1."""
    first = placements(before, truths)
    second = placements(now, truths)
    positives = first.positives - second.positives
    negatives = first.negatives - second.negatives
    variance = 0.0
    third_moment = 0.0
    for changes in (positives, negatives):
        size = len(changes)
        deviations = changes - changes.mean()
        squares = np.sum(deviations**2)
        cubes = np.sum(deviations**3)
        mean_square = squares / (size - 1)
        variance += float(mean_square) / size
        third_moment += float(cubes) / size**3
    acceleration = 0.0
    interaction = 0.0
    if variance:
        skewness = third_moment / variance**1.5
        acceleration = skewness / 6
        moment_of_pairs = _third_moment_of_pairs(before, now, truths)
        interaction = moment_of_pairs / variance**1.5
    moved_positives = np.count_nonzero(positives)
    moved_negatives = np.count_nonzero(negatives)
    return AucLoss(
        loss=first.auc - second.auc,
        variance=variance,
        acceleration=acceleration,
        interaction=interaction,
        moved=(int(moved_positives), int(moved_negatives)),
        sizes=(len(positives), len(negatives)),
    )


def _widening(skewness: float, normal: float) -> float:
    """Return a skewness, or 0 where it would shorten the interval on this side.

    It is an estimate, and its error alone would make a bound hold less often than stated.
    """
    if skewness * normal > 0:
        return skewness
    return 0.0


def _third_moment_of_pairs(before: Floats, now: Floats, truths: NDArray[np.int64]) -> float:
    """Return a sixth of what pairs add to the third moment of the loss beyond the placements."""
    first = placements(before, truths)
    second = placements(now, truths)
    positives = first.positives - second.positives
    negatives = first.negatives - second.negatives
    of_positives = _deviations(positives)
    of_negatives = _deviations(negatives)
    lower_before = _sums_of_lower(before, truths, of_negatives)
    lower_now = _sums_of_lower(now, truths, of_negatives)
    # The product of both deviations and of the pair's own loss, summed over all pairs.
    lower = lower_before - lower_now
    total = of_positives @ lower
    pairs = len(positives) * len(negatives)
    return float(total) / pairs**2


def _deviations(values: Floats) -> Floats:
    deviations: Floats = values - values.mean()
    return deviations


def _sums_of_lower(scores: Floats, truths: NDArray[np.int64], values: Floats) -> Floats:
    """Return for each positive the sum of the values of negatives that score lower, ties half."""
    of_negatives = scores[truths != 1]
    of_positives = scores[truths == 1]
    order = np.argsort(of_negatives, kind="stable")
    ascending = of_negatives[order]
    ascending_values = values[order]
    sums = np.cumsum(ascending_values)
    sums = np.insert(sums, 0, 0.0)
    lower_count = np.searchsorted(ascending, of_positives, "left")
    not_higher_count = np.searchsorted(ascending, of_positives, "right")
    lower = sums[lower_count]
    not_higher = sums[not_higher_count]
    middle: Floats = (lower + not_higher) / 2
    return middle


def _midranks(scores: Floats) -> Floats:
    """Return the ranks 1 to n; equal scores share the mean of theirs."""
    _, groups, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = last - (counts - 1) / 2
    ranks: Floats = middle[groups]
    return ranks
