"""Mean-square-error calibration: trade the error of clipping against that of rounding.

Source: Banner et al., Post training 4-bit quantization, https://arxiv.org/abs/1810.05723,
section 3, with the histogram itself in place of an assumed distribution.
"""

import numpy as np

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

WORDS: tuple[str, ...] = ()
LEVELS = 255  # steps of an 8-bit range
CANDIDATES = 100  # ranges, from a hundredth of the full range to all of it


def find(histogram: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the range with the smallest error among scaled copies of the full range."""
    low = min(histogram.smallest(), 0.0)
    high = max(histogram.largest(), 0.0)
    best = 1.0
    smallest_error = np.inf
    for number in range(CANDIDATES, 0, -1):
        share = number / CANDIDATES
        error = _square_error(histogram, low * share, high * share)
        if error < smallest_error:
            best = share
            smallest_error = error
    return low * best, high * best


def _square_error(histogram: ActivationHistogram, low: float, high: float) -> float:
    """Return the sum of square errors of a range.

    The error of a value outside is its distance to the range; inside, the mean square error of
    rounding is a twelfth of a squared step.
    """
    middles = histogram.middles()
    below = np.maximum(low - middles, 0)
    above = np.maximum(middles - high, 0)
    outside = below + above
    width = high - low
    step = width / LEVELS
    rounding_error = step**2 / 12
    rounding = np.where(outside == 0, rounding_error, 0)
    errors = outside**2 + rounding
    weighted_errors = histogram.counts * errors
    return float(np.sum(weighted_errors))
