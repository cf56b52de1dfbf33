"""Windows of timed runs in, their statistics and what those could have been out.

What is drawn again is whole windows, never single runs: a run is slow where the one before it was, for the same
interrupt or the same clock, and drawing runs as if each stood alone would make intervals shorter than they are.
Percentile bootstrap (Efron & Tibshirani 1993, chapters 6 and 13), from SciPy, with a fixed seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.evaluation.statistics.bootstrap import RESAMPLES, SEED, interval

Drawn = NDArray[np.int64]  # numbers of windows [n]; one may be drawn more than once
Floats = NDArray[np.float64]
Values = dict[str, float]


@dataclass(frozen=True)
class Sampled:
    """Statistics of windows, and the value of each in every resample of them, sorted; none of a single window."""

    values: Values
    resamples: dict[str, list[float]]

    def interval(self, name: str) -> list[float] | None:
        """Return both ends of the two-sided 95 % interval."""
        return interval(self.resamples[name]) if name in self.resamples else None


class Pool:
    """The latencies of windows as one sample."""

    def __init__(self, windows: Sequence[dict[str, Any]]) -> None:
        latencies = [np.asarray(window["latencies_ms"]) for window in windows]
        values = np.concatenate(latencies)
        order = values.argsort()
        self._values = values[order]
        self._owners = np.repeat(np.arange(len(windows)), [len(one) for one in latencies])[order]
        self._runs = np.array([window["runs"] for window in windows])
        self._means = np.array([window["mean_ms"] for window in windows])
        self.medians = np.array([np.median(one) for one in latencies])

    def mean(self, drawn: Drawn) -> float:
        """Return the mean of all runs of the windows that were drawn, also of those whose latencies were not kept."""
        return float(np.average(self._means[drawn], weights=self._runs[drawn]))

    def percentiles(self, drawn: Drawn, percents: Sequence[int]) -> list[float]:
        """Return what np.percentile does of the latencies of the windows that were drawn.

        They are sorted once for all resamples: a resample only changes how often each of them counts.
        """
        reached = np.bincount(drawn, minlength=len(self._runs))[self._owners].cumsum()
        ranks = np.array(percents) / 100 * (reached[-1] - 1)
        low = np.floor(ranks)
        below = self._values[np.searchsorted(reached, low, side="right")]
        above = self._values[np.searchsorted(reached, np.ceil(ranks), side="right")]
        return [float(one) for one in below + (above - below) * (ranks - low)]


def sampled(count: int, statistic: Callable[[Drawn], Values]) -> Sampled:
    """Return statistics of `count` windows and of resamples of them."""
    from scipy.stats import bootstrap  # a second, and most of edgebake never resamples

    numbers = np.arange(count)
    values = statistic(numbers)
    if count < 2:
        return Sampled(values, {})

    def of_each(drawn: NDArray[np.int64], axis: int) -> Floats:  # noqa: ARG001 - SciPy passes it
        return np.array([list(statistic(one).values()) for one in drawn]).T

    found = bootstrap(
        (numbers,),
        of_each,
        n_resamples=RESAMPLES,
        vectorized=True,
        axis=-1,
        method="percentile",
        rng=SEED,
    ).bootstrap_distribution
    return Sampled(
        values, {name: sorted(map(float, row)) for name, row in zip(values, found, strict=True)}
    )
