"""What calibration saw of one value: the extremes of every example, and how often each size came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the planner loads calibrators and has no use for NumPy
    from numpy.typing import NDArray

BINS = 2048


@dataclass(frozen=True)
class ActivationHistogram:
    """Extremes per example [n] and per channel [c], and a histogram of 2,048 equal bins from the least to the most."""

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    channel_lows: NDArray[np.float64]
    channel_highs: NDArray[np.float64]
    counts: NDArray[np.int64]

    def edges(self) -> NDArray[np.float64]:
        """Return the borders of the bins [2049]."""
        return np.linspace(self.lows.min(), self.highs.max(), BINS + 1)

    def middles(self) -> NDArray[np.float64]:
        """Return the middles of the bins [2048]."""
        edges = self.edges()
        middles: NDArray[np.float64] = (edges[:-1] + edges[1:]) / 2
        return middles

    def quantile(self, share: float) -> float:
        """Return the value below which a share, 0 to 1, of all values lies."""
        below = np.concatenate([[0], np.cumsum(self.counts)])
        return float(np.interp(share * below[-1], below, self.edges()))

    def magnitudes(self) -> tuple[NDArray[np.float64], float]:
        """Return a histogram of 2,048 bins of absolute values, from 0 on, and the width of a bin."""
        largest = float(max(np.abs(self.lows.min()), np.abs(self.highs.max())))
        counts, _ = np.histogram(
            np.abs(self.middles()), BINS, (0, largest or 1.0), weights=self.counts
        )
        return counts, (largest or 1.0) / BINS
