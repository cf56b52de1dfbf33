"""Exact confidence bounds of a proportion (Clopper & Pearson 1934, Biometrika 26:404).

From SciPy's incomplete beta function. Wilson's intervals are shorter but cover the true proportion
less often than stated near 0 and 1, where models are; docs/adr/0013 has the numbers.
"""

from scipy.special import bdtr, bdtrc, betaincinv, ndtri


def lower(right: int, n: int, confidence: float) -> float:
    """Return the one-sided lower confidence bound of the true proportion, 0 to 1."""
    if right == 0:
        return 0.0
    alpha = 1 - confidence
    return float(betaincinv(right, n - right + 1, alpha))


def upper(right: int, n: int, confidence: float) -> float:
    """Return the one-sided upper confidence bound of the true proportion, 0 to 1."""
    if right >= n:
        return 1.0
    return float(betaincinv(right + 1, n - right, confidence))


def interval(right: int, n: int, confidence: float = 0.95) -> list[float]:
    """Return both ends of the two-sided confidence interval."""
    one_sided = (1 + confidence) / 2
    return [lower(right, n, one_sided), upper(right, n, one_sided)]


def p_at_most(right: int, n: int, share: float) -> float:
    """Return the probability of at most `right` of n if the true proportion were `share`."""
    return float(bdtr(right, n, share))


def p_at_least(right: int, n: int, share: float) -> float:
    """Return the probability of at least `right` of n if the true proportion were `share`."""
    if right == 0:
        return 1.0
    return float(bdtrc(right - 1, n, share))


def needed(right: int, n: int, limit: float, confidence: float) -> int | None:
    """Estimate the number of examples that would settle on which side of the limit the share is.

    It assumes that the observed share stays the same. None where the share is the limit itself, or
    the limit is 0 or 1: then no number of examples settles it.
    """
    share = right / n
    if share == limit or not 0 < limit < 1:
        return None
    alpha = 1 - confidence
    # Start from the size for the score test; grow it until the exact test is significant.
    z = float(ndtri(confidence))
    distance = share - limit
    estimate = limit * (1 - limit) * (z / distance) ** 2
    size = max(n + 1, int(estimate))
    tail = p_at_most
    if share > limit:
        tail = p_at_least
    while tail(round(share * size), size, limit) > alpha:
        size = int(size * 1.05) + 1
    return size
