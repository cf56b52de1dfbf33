"""Min-max calibration: the range covers all values."""

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

WORDS: tuple[str, ...] = ()


def find(histogram: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the smallest and the largest value."""
    low = histogram.smallest()
    high = histogram.largest()
    return low, high
