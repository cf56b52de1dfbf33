"""Everything that was seen: nothing is clipped."""

from edgebake.compression.quantization.histogram import ActivationHistogram
from edgebake.recipe import Calibration

WORDS: tuple[str, ...] = ()


def find(seen: ActivationHistogram, _: Calibration) -> tuple[float, float]:
    """Return the smallest and the largest value."""
    return float(seen.lows.min()), float(seen.highs.max())
