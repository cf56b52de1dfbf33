"""Percentile bootstrap of a statistic (Efron & Tibshirani 1993, chapters 6 and 13).

From SciPy, with a fixed seed.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

RESAMPLES = 999
SEED = 0
DENSITY_OF_MEDIAN = 1 / math.sqrt(2 * math.pi)  # of the normal distribution

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


def variance_of_resampling(confidence: float, resamples: int) -> float:
    """Return the variance that the chance of resampling adds to a bound of BCa.

    In units of the variance of the loss itself. The bound depends twice on counts of resamples: by
    those below the loss (the correction of bias, which enters twice), and by its own quantile. Each
    error is that of a binomial share divided by the normal density, and the two are correlated.
    """
    tail = min(confidence, 1 - confidence)
    normal = float(ndtri(tail))
    exponent = -(normal**2) / 2
    density = DENSITY_OF_MEDIAN * math.exp(exponent)
    of_quantile = tail * (1 - tail) / density**2
    of_bias = 1 / DENSITY_OF_MEDIAN**2
    shared = 2 * tail / density / DENSITY_OF_MEDIAN
    of_both = of_quantile + of_bias - shared
    return of_both / resamples
