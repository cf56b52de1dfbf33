"""Percentile bootstrap of a statistic (Efron & Tibshirani 1993, chapters 6 and 13).

From SciPy, with a fixed seed.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 999
SEED = 0

Column = NDArray[np.float64] | NDArray[np.bool_]


def resampled(statistic: Callable[..., float], columns: Sequence[Column]) -> list[float]:
    """Return the statistic of each of 999 resamples, sorted.

    Args:
        statistic: takes the resampled columns in their order.
        columns: arrays of shape [n]; a resample takes the same rows of all of them.
    """
    from scipy.stats import bootstrap  # takes a second to import, and few stages resample

    result = bootstrap(
        columns,
        statistic,
        n_resamples=RESAMPLES,
        paired=True,
        vectorized=False,
        method="percentile",
        rng=SEED,
    )
    return sorted(float(value) for value in result.bootstrap_distribution)


def interval(values: Sequence[float], confidence: float = 0.95) -> list[float]:
    """Return both ends of the two-sided percentile interval of resampled values."""
    tail = (1 - confidence) / 2
    return [float(end) for end in np.quantile(values, [tail, 1 - tail])]
