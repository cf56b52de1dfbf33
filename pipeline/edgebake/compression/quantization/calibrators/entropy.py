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
    thresholds = range(LEVELS, len(counts) + 1, STEP)
    divergences = [_divergence(counts, threshold) for threshold in thresholds]
    best = int(np.argmin(divergences))
    threshold = thresholds[best] * width
    low = max(float(histogram.lows.min()), -threshold)
    high = min(float(histogram.highs.max()), threshold)
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
    # Each level has the mean count of its bins, spread over those that are not empty.
    starts = np.arange(LEVELS) * threshold // LEVELS
    is_filled = inside > 0
    filled_bins = np.add.reduceat(is_filled.astype(np.float64), starts)
    level_sums = np.add.reduceat(inside, starts)
    level_means = level_sums / np.maximum(filled_bins, 1)
    bins_per_level = np.diff([*starts, threshold])
    quantized = np.repeat(level_means, bins_per_level) * is_filled
    expected = clipped / max(clipped.sum(), 1)
    actual = quantized / max(quantized.sum(), 1)
    # A bin that is filled by clipping alone has no level; it counts with the smallest probability.
    is_possible = expected > 0
    actual = np.where(is_possible & (actual == 0), SMALLEST_PROBABILITY, actual)
    expected = expected[is_possible]
    actual = actual[is_possible]
    return float(np.sum(expected * np.log(expected / actual)))
