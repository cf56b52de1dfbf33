"""Two models on the same examples: how much accuracy the second has lost, and how sure that is.

Of n examples, `lost` were right before and are wrong now, `won` the other way round; the others say nothing of the
difference. The test is exact and unconditional, ordered by the score statistic: Tango 1998 (Statistics in Medicine
17:891); Hsueh, Liu & Chen 2001 (Biometrics 57:478). What is not known, how often the two models differ at all, is
taken at its worst within a confidence set that holds it but for GAMMA, which is added to the p-value: Berger & Boos
1994 (JASA 89:1012). The score test alone and the bootstrap promise as much and keep it less: docs/adr/0013 has the
numbers.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri

from edgebake.evaluation.statistics import proportion

GAMMA = 1e-3
GRID = 48  # values of the nuisance at which the p-value is taken
TAIL = 8  # standard deviations; beyond, a binomial holds less than 1e-14

Floats = NDArray[np.float64]


def score(lost: Floats, won: Floats, n: int, loss: float) -> Floats:
    """Return how many standard errors the loss that was found is above `loss` (Tango 1998, equations 9 and 10)."""
    b = -lost - won + loss * (2 * n - lost + won)
    c = -won * loss * (1 - loss)
    q = (np.sqrt(np.maximum(b * b - 8 * n * c, 0)) - b) / (4 * n)
    variance = n * (2 * q + loss * (1 - loss))
    return (lost - won - n * loss) / np.sqrt(np.maximum(variance, 1e-300))


def _score(lost: int, won: int, n: int, loss: float) -> float:
    return float(score(np.array([float(lost)]), np.array([float(won)]), n, loss)[0])


@functools.cache
def p_less(lost: int, won: int, n: int, loss: float) -> float:
    """Return the p-value against a true loss of `loss` or more; small where less is lost."""
    differing = lost + won
    least, most = proportion.interval(differing, n, 1 - GAMMA)
    least = max(least, loss)  # who loses so much differs at least as often
    if least > most:
        return GAMMA
    rates = np.linspace(least, most, GRID)
    observed = _score(lost, won, n, loss)
    tails = _tails(observed, n, loss, rates)
    return min(1.0, GAMMA + float(tails.max()))


def p_more(lost: int, won: int, n: int, loss: float) -> float:
    """Return the p-value against a true loss of `loss` or less; small where more is lost."""
    return p_less(won, lost, n, -loss)


def upper(lost: int, won: int, n: int, confidence: float) -> float:
    """Return the loss that the true one is above of with a probability of at most 1 - confidence."""
    alpha = 1 - confidence
    return _crossing(lambda loss: p_less(lost, won, n, loss) <= alpha, (lost - won) / n)


def lower(lost: int, won: int, n: int, confidence: float) -> float:
    """Return the loss that the true one is below of with a probability of at most 1 - confidence."""
    return -upper(won, lost, n, confidence)


def interval(lost: int, won: int, n: int, confidence: float = 0.95) -> list[float]:
    """Return both ends of a two-sided interval of the loss."""
    one_sided = (1 + confidence) / 2
    return [lower(lost, won, n, one_sided), upper(lost, won, n, one_sided)]


def needed(pairs: tuple[int, int, int], limit: float, confidence: float) -> int | None:
    """Return about how many examples would decide on which side of the limit the loss is, if it stays as it is.

    `pairs` is lost, won, n. None where the loss is the limit itself: then no number would.
    """
    lost, won, n = pairs
    z = _score(lost, won, n, limit)
    if z == 0:
        return None
    p = p_less if z < 0 else p_more
    # The statistic grows with the root of n.
    size = max(n + 1, int(n * (float(ndtri(confidence)) / z) ** 2))
    while p(round(lost * size / n), round(won * size / n), size, limit) > 1 - confidence:
        size = int(size * 1.05) + 1
    return size


def _tails(observed: float, n: int, loss: float, rates: Floats) -> Floats:
    """Return the probability of a score at most as high as the observed one, for each rate at which models differ."""
    spread = TAIL * math.sqrt(n * rates[-1] * (1 - rates[0])) + 20
    differing = np.arange(
        max(0, int(n * rates[0] - spread)), min(n, int(n * rates[-1] + spread)) + 1
    )
    most = _most_lost(observed, differing, n, loss)
    column = rates[:, None]
    lost = np.clip(
        (column + loss) / 2 / np.maximum(column, 1e-300), 0, 1
    )  # share of the differing ones
    below = np.where(most < 0, 0.0, bdtr(np.maximum(most, 0), differing, lost))
    found: Floats = (
        np.diff(bdtr(differing, n, column), prepend=_before(differing[0], n, column)) * below
    ).sum(axis=1)
    return found


def _before(first: int, n: int, rates: Floats) -> Floats:
    """Return the probability of fewer than `first` of n, for each rate [rates, 1]."""
    return bdtr(first - 1, n, rates) if first else np.zeros_like(rates)


def _most_lost(
    observed: float, differing: NDArray[np.int64], n: int, loss: float
) -> NDArray[np.int64]:
    """Return, for each number of differing examples, how many may be lost at a score of at most the observed; -1: none.

    The score rises with the number that is lost, so that halving finds it.
    """
    low, high = np.full_like(differing, -1), differing.copy()
    while (low < high).any():
        middle = (low + high + 1) // 2
        fits = (
            score(middle.astype(float), (differing - middle).astype(float), n, loss)
            <= observed + 1e-9
        )
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    return low


def _crossing(is_above: Callable[[float], bool], found: float) -> float:
    """Return where the truth of `is_above` begins, between what was found and 1; on the safe side, to 1e-6."""
    low, high = found, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return high
