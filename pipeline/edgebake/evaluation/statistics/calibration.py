"""Confidence bounds of a calibration error, by its resamples and a floor.

The error is a mean of distances, so that chance alone raises it, and raises its resamples again
(Kumar, Liang & Ma 2019, Verified uncertainty calibration). The upper bound keeps that: it errs to
the safe side. The lower one is reflected at the error (the basic bootstrap: Davison & Hinkley 1997,
section 5.2), which takes it away. Each is at least as far from the error as Clopper and Pearson's
bound of the rarer answers, wrong or right, is from their share: in one bin, the error is that share
and a constant. Fewer than 30 of them have the floor of `resampling`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from edgebake.evaluation.statistics.resampling import GROWTH, unseen_share


@dataclass(frozen=True)
class ResampledError:
    """A calibration error, 0 to 1, and the error in each resample."""

    loss: float  # the error: what is lost against confidences that hold
    resamples: Sequence[float]
    wrong: int  # answers
    n: int  # examples

    def bound(self, confidence: float) -> float:
        """Return the one-sided upper confidence bound of the error."""
        quantile = self._quantile(confidence)
        uncertainty = self._uncertainty(confidence)
        floor = self.loss + uncertainty
        return max(quantile, floor)

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the error."""
        alpha = 1 - confidence
        quantile = self._quantile(alpha)
        upper = self._quantile(confidence)
        reflected = 2 * self.loss - upper
        uncertainty = self._uncertainty(confidence)
        floor = self.loss - uncertainty
        return min(quantile, reflected, floor)

    def needed(self, limit: float, confidence: float) -> int | None:
        """Estimate the number of examples that would settle the side of the limit.

        It assumes that the error and the share of wrong answers stay the same, and that the
        resamples draw closer with the square root of the number. None where the error is the limit
        itself: then no number settles it.
        """
        distance = abs(limit - self.loss)
        if distance == 0:
            return None
        half_width = self._quantile(confidence) - self.loss
        growth = (half_width / distance) ** 2
        estimate = int(self.n * growth)
        size = max(self.n + 1, estimate)
        while self._uncertainty(confidence, size / self.n) > distance:
            larger = int(size * GROWTH)
            size = larger + 1
        return size

    def _uncertainty(self, confidence: float, growth: float = 1.0) -> float:
        """Return what wrong answers may cost that the test set lacks, if it were so much larger.

        Of right ones if those are fewer.
        """
        right = self.n - self.wrong
        rarer = min(self.wrong, right)
        rarer_grown = rarer * growth
        grown = self.n * growth
        unseen = unseen_share(rarer_grown, grown, confidence)
        if unseen > 0:
            return unseen
        others = grown - rarer_grown
        upper = betaincinv(rarer_grown + 1, others, confidence)
        share = rarer / self.n
        return float(upper) - share

    def _quantile(self, share: float) -> float:
        quantile = np.quantile(self.resamples, share, method="weibull")
        return float(quantile)
