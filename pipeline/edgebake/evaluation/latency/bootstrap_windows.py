"""Latency statistics with block-bootstrap confidence intervals.

A resample draws whole windows, never single runs: neighboring runs share an interrupt or a clock
frequency, and intervals would be too short if runs counted as independent. Percentile bootstrap
(Efron & Tibshirani 1993, chapters 6 and 13), from SciPy, with a fixed seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebake.evaluation.latency.stopwatch import Window
from edgebake.evaluation.statistics.bootstrap import RESAMPLES, SEED, interval

Indices = NDArray[np.int64]  # of windows [n]; a resample repeats some
Floats = NDArray[np.float64]
Statistics = dict[str, float]


@dataclass(frozen=True)
class ResampledStatistics:
    """Statistics of windows, and their sorted values in resamples; none of a single window."""

    values: Statistics
    resamples: dict[str, list[float]]

    def interval(self, name: str) -> list[float] | None:
        """Return both ends of the two-sided 95 % confidence interval."""
        if name not in self.resamples:
            return None
        return interval(self.resamples[name])


class LatencyPool:
    """The latencies of windows as one sample."""

    def __init__(self, windows: Sequence[Window]) -> None:
        latencies = [np.asarray(window["latencies_ms"]) for window in windows]
        sizes = [len(values) for values in latencies]
        pooled = np.concatenate(latencies)
        order = pooled.argsort()
        self._values = pooled[order]
        windows_of_pooled = np.repeat(np.arange(len(windows)), sizes)
        self._window_of_value = windows_of_pooled[order]
        self._runs = np.array([window["runs"] for window in windows])
        self._means = np.array([window["mean_ms"] for window in windows])
        self.medians = np.array([np.median(values) for values in latencies])

    def mean(self, indices: Indices) -> float:
        """Return the mean of all runs of windows [n], of those without a stored latency too."""
        means = self._means[indices]
        runs = self._runs[indices]
        return float(np.average(means, weights=runs))

    def percentiles(self, indices: Indices, percents: Sequence[int]) -> list[float]:
        """Return the percentiles of the latencies of windows [n], as np.percentile does.

        The latencies are sorted once for all resamples: a resample only changes their weights.
        """
        weights = np.bincount(indices, minlength=len(self._runs))
        cumulative = weights[self._window_of_value].cumsum()
        ranks = np.array(percents) / 100 * (cumulative[-1] - 1)
        low = np.floor(ranks)
        high = np.ceil(ranks)
        below = self._values[np.searchsorted(cumulative, low, side="right")]
        above = self._values[np.searchsorted(cumulative, high, side="right")]
        interpolated = below + (above - below) * (ranks - low)
        return [float(value) for value in interpolated]


def resample_windows(count: int, statistic: Callable[[Indices], Statistics]) -> ResampledStatistics:
    """Compute statistics of `count` windows and of 999 resamples of them.

    Args:
        count: number of windows.
        statistic: takes the indices [n] of windows.
    """
    from scipy.stats import bootstrap  # takes a second to import, and few stages resample

    indices = np.arange(count)
    values = statistic(indices)
    if count < 2:
        return ResampledStatistics(values, {})

    def of_each(resamples: NDArray[np.int64], axis: int) -> Floats:  # noqa: ARG001 - SciPy passes it
        rows = [list(statistic(resample).values()) for resample in resamples]
        return np.array(rows).T

    result = bootstrap(
        (indices,),
        of_each,
        n_resamples=RESAMPLES,
        vectorized=True,
        axis=-1,
        method="percentile",
        rng=SEED,
    )
    resamples = {}
    for name, distribution in zip(values, result.bootstrap_distribution, strict=True):
        resamples[name] = sorted(float(value) for value in distribution)
    return ResampledStatistics(values, resamples)
