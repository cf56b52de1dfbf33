"""Confidence bounds of a calibration error, by its resamples and a floor.

The error is a mean of distances, so that chance alone raises it, and raises its resamples again
(Kumar, Liang & Ma 2019, Verified uncertainty calibration). The upper bound keeps that: it errs to
the safe side. The lower one is reflected at the error (the basic bootstrap: Davison & Hinkley 1997,
section 5.2), which takes it away. Where fewer than 30 answers are wrong, or right, the upper bound
is at least the error plus the share of such answers that the test set may lack: each costs at most
its share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
        floor = self.loss + self._unseen(confidence)
        return max(quantile, floor)

    def lower(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the error."""
        quantile = self._quantile(1 - confidence)
        reflected = 2 * self.loss - self._quantile(confidence)
        floor = self.loss - self._unseen(confidence)
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
        while self._unseen(confidence, size / self.n) > distance:
            larger = int(size * GROWTH)
            size = larger + 1
        return size

    def _unseen(self, confidence: float, growth: float = 1.0) -> float:
        """Return the most that answers may cost which a test set so many times as large misses."""
        rarer = min(self.wrong, self.n - self.wrong)
        return unseen_share(rarer * growth, self.n * growth, confidence)

    def _quantile(self, share: float) -> float:
        quantile = np.quantile(self.resamples, share, method="weibull")
        return float(quantile)
