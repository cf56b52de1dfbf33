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

    def smallest(self) -> float:
        """Return the smallest value."""
        return float(self.lows.min())

    def largest(self) -> float:
        """Return the largest value."""
        return float(self.highs.max())

    def edges(self) -> NDArray[np.float64]:
        """Return the edges of the bins, [2049]."""
        return np.linspace(self.smallest(), self.largest(), BINS + 1)

    def middles(self) -> NDArray[np.float64]:
        """Return the centers of the bins, [2048]."""
        edges = self.edges()
        left_edges = edges[:-1]
        right_edges = edges[1:]
        middles: NDArray[np.float64] = (left_edges + right_edges) / 2
        return middles

    def quantile(self, share: float) -> float:
        """Return the value below which a share, 0 to 1, of all values lies."""
        sums = np.cumsum(self.counts)
        values_below = np.concatenate([[0], sums])
        rank = share * values_below[-1]
        value = np.interp(rank, values_below, self.edges())
        return float(value)

    def magnitudes(self) -> tuple[NDArray[np.float64], float]:
        """Return a histogram of absolute values, [2048] from 0 on, and the width of its bins."""
        lowest = abs(self.smallest())
        highest = abs(self.largest())
        largest = max(lowest, highest) or 1.0
        middles = np.abs(self.middles())
        counts, _ = np.histogram(middles, bins=BINS, range=(0, largest), weights=self.counts)
        width = largest / BINS
        return counts, width
