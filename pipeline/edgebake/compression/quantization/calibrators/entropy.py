"""The clipping after which the distribution of a value has lost the least information to 128 levels.

Source: Migacz, 8-bit inference with TensorRT, GTC 2017, slides 23 to 33: the threshold with the smallest divergence
(Kullback-Leibler) of the quantized distribution from the clipped one. Zeros, which a ReLU makes by the thousand and
every range holds exactly, count no more than their neighbours, as in NVIDIA's pytorch-quantization, calib/histogram.py.
"""

from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS: tuple[str, ...] = ()
LEVELS = 128
STEP = 16  # bins from one threshold to the next


def find(seen: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return what was seen, clipped to plus and minus the threshold."""
    counts, width = seen.magnitudes()
    counts[0] = counts[1]
    thresholds = range(LEVELS, len(counts) + 1, STEP)
    best = min(thresholds, key=lambda bins: _divergence(counts, bins)) * width
    return max(float(seen.lows.min()), -best), min(float(seen.highs.max()), best)


def _divergence(counts: "NDArray[np.float64]", bins: int) -> float:
    """Return how far the first bins in 128 levels are from what they were, all that is clipped in the last of them."""
    inside = counts[:bins]
    clipped = inside.copy()
    clipped[-1] += counts[bins:].sum()
    starts = np.arange(LEVELS) * bins // LEVELS
    held = np.add.reduceat((inside > 0).astype(np.float64), starts)
    each = np.add.reduceat(inside, starts) / np.maximum(held, 1)
    levels = np.repeat(each, np.diff([*starts, bins])) * (inside > 0)
    p, q = clipped / max(clipped.sum(), 1), levels / max(levels.sum(), 1)
    # A bin that only clipping has filled has no level: its loss is counted as if it had the smallest share.
    q = np.where((p > 0) & (q == 0), 1e-9, q)
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))
