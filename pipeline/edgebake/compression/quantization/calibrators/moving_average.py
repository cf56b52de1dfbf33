"""Moving-average calibration: average the extremes of the samples, so that outliers hardly count.

Source: Krishnamoorthi, https://arxiv.org/abs/1806.08342, section 3.2; the momentum is that of
LiteRT's quantizer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS: tuple[str, ...] = ()
MOMENTUM = 0.95


def find(histogram: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the moving averages after the last sample."""
    low = _moving_average(histogram.lows)
    high = _moving_average(histogram.highs)
    return low, high


def _moving_average(values: NDArray[np.float64]) -> float:
    average = float(values[0])
    for value in values[1:]:
        average = MOMENTUM * average + (1 - MOMENTUM) * float(value)
    return average
