"""Percentile calibration: `percentile: 99.99` clips one value in ten thousand."""

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

WORDS: tuple[str, ...] = ("percentile",)


def find(histogram: ActivationHistogram, options: Calibration) -> tuple[float, float]:
    """Return the range of that percentage of the values; as many are clipped below as above."""
    if options.percentile is None:
        raise ValueError("percentile without its number")
    clipped = (100 - options.percentile) / 200
    low = histogram.quantile(clipped)
    high = histogram.quantile(1 - clipped)
    return low, high
