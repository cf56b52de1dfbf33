"""Confidence bounds of an area under the ROC curve, and of the area that a model loses.

DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44:837), by ranks as Sun & Xu 2014 (IEEE Signal
Processing Letters 21:1389). The area is the probability that a positive example scores higher than
a negative one; equal scores count half. The normal quantile is corrected for the skewness of the
placements, as by BCa (Efron 1987), and the floor is that of `resampling`: near an area of 1 and
where few examples change, DeLong's interval alone is too short.
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
    ranks = _midranks(scores)
    positives = ranks[is_positive] - _midranks(scores[is_positive])
    negatives = ranks[~is_positive] - _midranks(scores[~is_positive])
    count = len(positives)
    others = len(negatives)
    return Placements(positives / others, 1 - negatives / count)


@dataclass(frozen=True)
class AucLoss:
    """The area that a model loses against another on the same examples."""

    loss: float
    variance: float
    acceleration: float  # a sixth of the skewness of the loss
    # Of each class: the examples that are placed otherwise, and all.
    moved: tuple[int, int]
    sizes: tuple[int, int]

    @property
    def scarcer(self) -> int:
        """Return the number of examples of the class with fewer."""
        return min(self.sizes)

    def bound(self, confidence: float) -> float:
        """Return the one-sided upper confidence bound of the loss."""
        return self.loss + max(self._distance(confidence), self._unseen(confidence, 1))

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the loss."""
        return self.loss + min(self._distance(1 - confidence), -self._unseen(confidence, 1))

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
        return max(self.scarcer + 1, int(np.ceil(self.scarcer * growth)))

    def _distance(self, confidence: float) -> float:
        """Return the distance of the bound from the loss, without the floor."""
        skewness = self.acceleration
        shifted = skewness + float(stdtrit(self.scarcer - 1, confidence))
        normal = skewness + shifted / (1 - skewness * shifted)
        quantile = normal + skewness * (normal**2 - 1)  # Cornish & Fisher's first term
        return quantile * float(np.sqrt(self.variance))

    def _unseen(self, confidence: float, growth: float) -> float:
        """Return the area that unseen changes may cost, if both classes were larger."""
        shares = []
        for moved, size in zip(self.moved, self.sizes, strict=True):
            shares.append(unseen_share(round(moved * growth), round(size * growth), confidence))
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
        variance += float(np.sum(deviations**2)) / (size - 1) / size
        third_moment += float(np.sum(deviations**3)) / size**3
    return AucLoss(
        loss=first.auc - second.auc,
        variance=variance,
        acceleration=third_moment / variance**1.5 / 6 if variance else 0.0,
        moved=(int(np.count_nonzero(positives)), int(np.count_nonzero(negatives))),
        sizes=(len(positives), len(negatives)),
    )


def _midranks(scores: Floats) -> Floats:
    """Return the ranks 1 to n; equal scores share the mean of theirs."""
    _, groups, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = last - (counts - 1) / 2
    ranks: Floats = middle[groups]
    return ranks
