"""Statistics of an activation that are collected during calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 2048


@dataclass(frozen=True)
class ActivationHistogram:
    """Extremes per sample [n] and per channel [c], and a histogram over all values.

    The histogram has 2,048 bins of equal width from the smallest to the largest value.
    """

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    channel_lows: NDArray[np.float64]
    channel_highs: NDArray[np.float64]
    counts: NDArray[np.int64]

    def edges(self) -> NDArray[np.float64]:
        """Return the edges of the bins, [2049]."""
        return np.linspace(self.lows.min(), self.highs.max(), BINS + 1)

    def middles(self) -> NDArray[np.float64]:
        """Return the centers of the bins, [2048]."""
        edges = self.edges()
        middles: NDArray[np.float64] = (edges[:-1] + edges[1:]) / 2
        return middles

    def quantile(self, share: float) -> float:
        """Return the value below which a share, 0 to 1, of all values lies."""
        cumulative = np.concatenate([[0], np.cumsum(self.counts)])
        rank = share * cumulative[-1]
        return float(np.interp(rank, cumulative, self.edges()))

    def magnitudes(self) -> tuple[NDArray[np.float64], float]:
        """Return a histogram of absolute values, [2048] from 0 on, and the width of its bins."""
        lowest = np.abs(self.lows.min())
        highest = np.abs(self.highs.max())
        largest = float(max(lowest, highest)) or 1.0
        middles = np.abs(self.middles())
        counts, _ = np.histogram(
            middles,
            bins=BINS,
            range=(0, largest),
            weights=self.counts,
        )
        return counts, largest / BINS
