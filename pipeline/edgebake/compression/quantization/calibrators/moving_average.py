"""A moving average of each example's smallest and largest value: single outliers hardly count.

Source: Krishnamoorthi, https://arxiv.org/abs/1806.08342, section 3.2; the momentum is that of LiteRT's own quantizer.
"""

from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS: tuple[str, ...] = ()
MOMENTUM = 0.95


def find(seen: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the averages after the last example."""
    return _average(seen.lows), _average(seen.highs)


def _average(values: "NDArray[np.float64]") -> float:
    average = float(values[0])
    for value in values[1:]:
        average = MOMENTUM * average + (1 - MOMENTUM) * float(value)
    return average
