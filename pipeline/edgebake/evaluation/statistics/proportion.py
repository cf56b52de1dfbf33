"""How many of n examples came out right, and what that says of the true share.

Exact bounds (Clopper & Pearson 1934, Biometrika 26:404), from SciPy's incomplete beta function. Wilson's are shorter
and miss the true share more often than they say near 0 and 1, where models are: docs/adr/0013 has the numbers.
"""

from scipy.special import bdtr, bdtrc, betaincinv, ndtri


def lower(right: int, n: int, confidence: float) -> float:
    """Return the share, 0 to 1, that the true one is below of with a probability of at most 1 - confidence."""
    return float(betaincinv(right, n - right + 1, 1 - confidence)) if right else 0.0


def upper(right: int, n: int, confidence: float) -> float:
    """Return the share, 0 to 1, that the true one is above of with a probability of at most 1 - confidence."""
    return float(betaincinv(right + 1, n - right, confidence)) if right < n else 1.0


def interval(right: int, n: int, confidence: float = 0.95) -> list[float]:
    """Return both ends of a two-sided interval."""
    one_sided = (1 + confidence) / 2
    return [lower(right, n, one_sided), upper(right, n, one_sided)]


def p_at_most(right: int, n: int, share: float) -> float:
    """Return the probability of so many right or fewer if the true share were `share`."""
    return float(bdtr(right, n, share))


def p_at_least(right: int, n: int, share: float) -> float:
    """Return the probability of so many right or more if the true share were `share`."""
    return float(bdtrc(right - 1, n, share)) if right else 1.0


def needed(right: int, n: int, limit: float, confidence: float) -> int | None:
    """Return about how many examples would decide on which side of the limit the share is, if it stays as it is.

    None where it is the limit itself: then no number would.
    """
    found = right / n
    if found == limit or not 0 < limit < 1:
        return None
    alpha = 1 - confidence
    # The score test's size first; then as much more as the exact test needs.
    size = max(n + 1, int(limit * (1 - limit) * (float(ndtri(confidence)) / (found - limit)) ** 2))
    tail = p_at_least if found > limit else p_at_most
    while tail(round(found * size), size, limit) > alpha:
        size = int(size * 1.05) + 1
    return size
