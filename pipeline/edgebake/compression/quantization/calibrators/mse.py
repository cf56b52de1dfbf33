"""The clipping with the smallest mean square error: what is cut off weighed against finer steps for the rest.

Source: Banner et al., Post training 4-bit quantization, https://arxiv.org/abs/1810.05723, section 3, on the histogram
itself in place of an assumed distribution.
"""

import numpy as np

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

WORDS: tuple[str, ...] = ()
LEVELS = 255  # steps of an 8-bit range
SHARES = 100  # ranges that are tried, from a hundredth of what was seen to all of it


def find(seen: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the range, in the proportions of what was seen, with the smallest error."""
    low, high = min(float(seen.lows.min()), 0.0), max(float(seen.highs.max()), 0.0)
    share = min(
        (number / SHARES for number in range(SHARES, 0, -1)),
        key=lambda one: _error(seen, low * one, high * one),
    )
    return low * share, high * share


def _error(seen: ActivationHistogram, low: float, high: float) -> float:
    """Return the sum of square errors: of clipping outside, of rounding (a twelfth of a step squared) inside."""
    middles = seen.middles()
    outside = np.maximum(low - middles, 0) + np.maximum(middles - high, 0)
    rounding = np.where(outside == 0, ((high - low) / LEVELS) ** 2 / 12, 0)
    error: np.float64 = np.sum(seen.counts * (outside**2 + rounding))
    return float(error)
