"""Entropy calibration: clip where 128 levels lose the least information.

Source: Migacz, 8-bit inference with TensorRT, GTC 2017, slides 23 to 33: the threshold with the
smallest Kullback-Leibler divergence of the quantized distribution from the clipped one. As in
NVIDIA's pytorch-quantization, calib/histogram.py, zeros count no more than the values next to
them: a ReLU returns very many, and every range represents them exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS: tuple[str, ...] = ()
LEVELS = 128
STEP = 16  # bins from one threshold to the next
SMALLEST_PROBABILITY = 1e-9


def find(histogram: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the full range, clipped to plus and minus the best threshold."""
    counts, width = histogram.magnitudes()
    counts[0] = counts[1]
    end = len(counts) + 1
    thresholds = range(LEVELS, end, STEP)
    divergences = []
    for bin_count in thresholds:
        divergence = _divergence(counts, bin_count)
        divergences.append(divergence)
    best = int(np.argmin(divergences))
    threshold = thresholds[best] * width
    low = max(histogram.smallest(), -threshold)
    high = min(histogram.largest(), threshold)
    return low, high


def _divergence(counts: NDArray[np.float64], threshold: int) -> float:
    """Return the Kullback-Leibler divergence of a histogram that is clipped and quantized.

    Args:
        counts: of magnitudes, [bins].
        threshold: number of bins inside; all values above are counted in the last of them.
    """
    inside = counts[:threshold]
    outside = counts[threshold:]
    clipped = inside.copy()
    clipped[-1] += outside.sum()
    expected = _normalize(clipped)
    actual = _normalize(_quantize(inside))
    is_possible = expected > 0
    expected = expected[is_possible]
    actual = actual[is_possible]
    # A bin that is filled by clipping alone has no level; it counts with the smallest probability.
    is_missing = actual == 0
    actual[is_missing] = SMALLEST_PROBABILITY
    terms = expected * np.log(expected / actual)
    return float(np.sum(terms))


def _quantize(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return counts [bins] quantized to LEVELS, [bins].

    Each level has the mean count of its bins, spread over those that are not empty.
    """
    bins = len(counts)
    starts = np.arange(LEVELS) * bins // LEVELS
    is_filled = counts > 0
    filled = is_filled.astype(np.float64)
    filled_bins = np.add.reduceat(filled, starts)
    level_sums = np.add.reduceat(counts, starts)
    level_means = level_sums / np.maximum(filled_bins, 1)
    bins_per_level = np.diff([*starts, bins])
    spread_means = np.repeat(level_means, bins_per_level)
    quantized: NDArray[np.float64] = spread_means * is_filled
    return quantized


def _normalize(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return counts [bins] as probabilities, [bins]; zeros if all counts are zero."""
    total = max(counts.sum(), 1)
    probabilities: NDArray[np.float64] = counts / total
    return probabilities
