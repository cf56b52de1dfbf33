"""Exact test and confidence bounds of the accuracy that one model loses against another.

Both models see the same n examples: `lost` were right before and are wrong now, `won` the other
way round; the remaining examples carry no information on the difference.

The test is exact and unconditional, ordered by the score statistic: Tango 1998 (Statistics in
Medicine 17:891); Hsueh, Liu & Chen 2001 (Biometrics 57:478). Its nuisance parameter, the rate at
which the models differ, takes its worst value within a confidence set of level 1 - GAMMA, and GAMMA
is added to the p-value: Berger & Boos 1994 (JASA 89:1012). The score test alone and the bootstrap
state the same confidence and hold it less often: docs/adr/0013 has the numbers.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri

from edgebake.evaluation.statistics import proportion

GAMMA = 1e-3
GRID = 48  # values of the nuisance parameter at which the p-value is taken
TAIL = 8  # standard deviations, beyond which a binomial has a mass of less than 1e-14

Floats = NDArray[np.float64]


def score(lost: Floats, won: Floats, n: int, loss: float) -> Floats:
    """Return the score statistic of the hypothesis that the true loss is `loss`.

    It is the distance of the observed loss from `loss` in standard errors (Tango 1998, equations 9
    and 10).

    Args:
        lost: counts, shape [m].
        won: counts, shape [m].
        n: number of examples.
        loss: accuracy lost under the hypothesis, -1 to 1.

    Returns:
        Statistics of shape [m], above 0 where more is lost than `loss`.
    """
    b = -lost - won + loss * (2 * n - lost + won)
    c = -won * loss * (1 - loss)
    discriminant = b * b - 8 * n * c
    root = np.sqrt(np.maximum(discriminant, 0))
    q = (root - b) / (4 * n)
    variance = n * (2 * q + loss * (1 - loss))
    positive_variance = np.maximum(variance, 1e-300)
    standard_error = np.sqrt(positive_variance)
    excess = lost - won - n * loss
    return excess / standard_error


def _score_of_counts(lost: int, won: int, n: int, loss: float) -> float:
    lost_count = np.array([float(lost)])
    won_count = np.array([float(won)])
    scores = score(lost_count, won_count, n, loss)
    return float(scores[0])


@functools.cache
def p_less(lost: int, won: int, n: int, loss: float) -> float:
    """Return the p-value of the hypothesis that the true loss is at least `loss`."""
    differing = lost + won
    lowest_rate, highest_rate = proportion.interval(differing, n, 1 - GAMMA)
    lowest_rate = max(lowest_rate, loss)  # models differ at least as often as one of them loses
    if lowest_rate > highest_rate:
        return GAMMA
    rates = np.linspace(lowest_rate, highest_rate, GRID)
    observed = _score_of_counts(lost, won, n, loss)
    tails = _tails(observed, n, loss, rates)
    worst_tail = float(tails.max())
    return min(1.0, GAMMA + worst_tail)


def p_more(lost: int, won: int, n: int, loss: float) -> float:
    """Return the p-value of the hypothesis that the true loss is at most `loss`."""
    return p_less(won, lost, n, -loss)


def upper(lost: int, won: int, n: int, confidence: float) -> float:
    """Return the one-sided upper confidence bound of the loss."""
    alpha = 1 - confidence

    def is_rejected(loss: float) -> bool:
        return p_less(lost, won, n, loss) <= alpha

    observed_loss = (lost - won) / n
    return _bisect(is_rejected, observed_loss)


def lower(lost: int, won: int, n: int, confidence: float) -> float:
    """Return the one-sided lower confidence bound of the loss."""
    return -upper(won, lost, n, confidence)


def interval(lost: int, won: int, n: int, confidence: float = 0.95) -> list[float]:
    """Return both ends of the two-sided confidence interval of the loss."""
    one_sided = (1 + confidence) / 2
    return [lower(lost, won, n, one_sided), upper(lost, won, n, one_sided)]


def needed(counts: tuple[int, int, int], limit: float, confidence: float) -> int | None:
    """Estimate the number of examples that would settle on which side of the limit the loss is.

    It assumes that the observed rates stay the same.

    Args:
        counts: lost, won and n.
        limit: accuracy that may be lost.
        confidence: one-sided, 0 to 1.

    Returns:
        The number, or None where the observed loss is the limit itself: then no number settles it.
    """
    lost, won, n = counts
    z = _score_of_counts(lost, won, n, limit)
    if z == 0:
        return None
    p_value = p_more
    if z < 0:
        p_value = p_less
    alpha = 1 - confidence
    # The statistic grows with the square root of n.
    growth = float(ndtri(confidence)) / z
    estimate = int(n * growth**2)
    size = max(n + 1, estimate)
    while True:
        expected_lost = round(lost * size / n)
        expected_won = round(won * size / n)
        p = p_value(expected_lost, expected_won, size, limit)
        if p <= alpha:
            return size
        size = int(size * 1.05) + 1


def _tails(observed: float, n: int, loss: float, rates: Floats) -> Floats:
    """Return the probability of a score of at most `observed`.

    Args:
        observed: score of the observed counts.
        n: number of examples.
        loss: accuracy lost under the hypothesis.
        rates: rates at which the models differ, shape [r].

    Returns:
        Probabilities, one per rate, shape [r].
    """
    differing = _plausible_counts(n, rates)
    column = rates[:, None]
    most = _most_lost(observed, differing, n, loss)
    positive_rates = np.maximum(column, 1e-300)
    lost_share = (column + loss) / 2 / positive_rates
    lost_share = np.clip(lost_share, 0, 1)
    nonnegative = np.maximum(most, 0)
    p_at_most = bdtr(nonnegative, differing, lost_share)
    below = np.where(most < 0, 0.0, p_at_most)
    cumulative = bdtr(differing, n, column)
    fewer = _p_fewer_than(differing[0], n, column)
    mass = np.diff(cumulative, prepend=fewer)
    joint = mass * below
    tails: Floats = joint.sum(axis=1)
    return tails


def _plausible_counts(n: int, rates: Floats) -> NDArray[np.int64]:
    """Return the numbers of differing examples with more than a negligible probability, [d]."""
    lowest_rate = rates[0]
    highest_rate = rates[-1]
    largest_variance = n * highest_rate * (1 - lowest_rate)
    spread = TAIL * math.sqrt(largest_variance) + 20
    lowest = int(n * lowest_rate - spread)
    lowest = max(0, lowest)
    highest = int(n * highest_rate + spread)
    highest = min(n, highest)
    return np.arange(lowest, highest + 1)


def _p_fewer_than(count: int, n: int, rates: Floats) -> Floats:
    """Return the probability of fewer than `count` of n, for rates of shape [r, 1]."""
    if count == 0:
        return np.zeros_like(rates)
    probabilities: Floats = bdtr(count - 1, n, rates)
    return probabilities


def _most_lost(
    observed: float, differing: NDArray[np.int64], n: int, loss: float
) -> NDArray[np.int64]:
    """Return how many of the differing examples may be lost at a score of at most `observed`.

    The score rises with the number of lost examples, so bisection finds the number.

    Args:
        observed: score of the observed counts.
        differing: numbers of differing examples, shape [d].
        n: number of examples.
        loss: accuracy lost under the hypothesis.

    Returns:
        Numbers of shape [d]; -1 where even none lost has a higher score.
    """
    low = np.full_like(differing, -1)
    high = differing.copy()
    while (low < high).any():
        middle = (low + high + 1) // 2
        lost = middle.astype(float)
        won = (differing - middle).astype(float)
        scores = score(lost, won, n, loss)
        fits = scores <= observed + 1e-9
        low = np.where(fits, middle, low)
        high = np.where(fits, high, middle - 1)
    return low


def _bisect(is_above: Callable[[float], bool], start: float) -> float:
    """Return the value from `start` to 1 at which `is_above` becomes true, rounded up by 1e-6."""
    low = start
    high = 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        if is_above(middle):
            high = middle
        else:
            low = middle
    return high
