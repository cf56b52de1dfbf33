"""What a statistic could have been: its value in resamples of what was measured.

Percentile bootstrap (Efron & Tibshirani 1993, chapters 6 and 13), from SciPy, with a fixed seed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 999
SEED = 0


def resampled(statistic: Callable[..., float], columns: Sequence[NDArray[Any]]) -> list[float]:
    """Return the statistic of each resample, sorted; columns [n] are drawn together, one row at a time."""
    from scipy.stats import bootstrap  # a second, and most of edgebake never resamples

    found = bootstrap(
        columns,
        statistic,
        n_resamples=RESAMPLES,
        paired=True,
        vectorized=False,
        method="percentile",
        rng=SEED,
    )
    return sorted(map(float, found.bootstrap_distribution))


def interval(values: Sequence[float], confidence: float = 0.95) -> list[float]:
    """Return both ends of a two-sided interval of what was resampled."""
    tail = (1 - confidence) / 2
    return [float(end) for end in np.quantile(values, [tail, 1 - tail])]
