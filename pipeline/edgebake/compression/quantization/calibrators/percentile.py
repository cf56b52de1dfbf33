"""All but the outermost values: `percentile: 99.99` leaves out one in ten thousand."""

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

WORDS: tuple[str, ...] = ("percentile",)


def find(seen: ActivationHistogram, words: Calibration) -> tuple[float, float]:
    """Return the range that holds `percentile` per cent of all values, as many left out below as above."""
    if words.percentile is None:
        raise ValueError("percentile without its number")
    outside = (100 - words.percentile) / 200
    return seen.quantile(outside), seen.quantile(1 - outside)
