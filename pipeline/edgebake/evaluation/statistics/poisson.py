"""Exact confidence bounds of a rate of events (Garwood 1936, Biometrika 28:437)."""

from scipy.special import gammaincinv

GROWTH = 1.05  # of the hours in a search


def lower(count: int, hours: float, confidence: float) -> float:
    """Return the one-sided lower confidence bound of the events in an hour."""
    if count == 0:
        return 0.0
    return float(gammaincinv(count, 1 - confidence)) / hours


def upper(count: int, hours: float, confidence: float) -> float:
    """Return the one-sided upper confidence bound of the events in an hour."""
    return float(gammaincinv(count + 1, confidence)) / hours


def interval(count: int, hours: float, confidence: float = 0.95) -> list[float]:
    """Return both ends of the two-sided confidence interval."""
    one_sided = (1 + confidence) / 2
    return [lower(count, hours, one_sided), upper(count, hours, one_sided)]


def needed(count: int, hours: float, limit: float, confidence: float) -> float | None:
    """Estimate the hours that would settle on which side of the limit the rate is.

    It assumes that the observed rate stays the same. None where the rate is the limit itself, or
    the limit is 0: then no number of hours settles it.
    """
    rate = count / hours
    if limit in (0, rate):
        return None
    size = hours
    while True:
        size *= GROWTH
        expected = round(rate * size)
        is_below = rate < limit and upper(expected, size, confidence) <= limit
        if is_below or lower(expected, size, confidence) > limit:
            return size
