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
        numbers = np.arange(len(windows))
        window_of_pooled = np.repeat(numbers, sizes)
        self._window_of_value = window_of_pooled[order]
        runs = [window["runs"] for window in windows]
        self._runs = np.array(runs)
        means = [window["mean_ms"] for window in windows]
        self._means = np.array(means)
        medians = [np.median(values) for values in latencies]
        self.medians = np.array(medians)

    def mean(self, indices: Indices) -> float:
        """Return the mean of all runs of windows [n], of those without a stored latency too."""
        means = self._means[indices]
        runs = self._runs[indices]
        return float(np.average(means, weights=runs))

    def percentiles(self, indices: Indices, percents: Sequence[int]) -> list[float]:
        """Return the percentiles of the latencies of windows [n], as np.percentile does.

        The latencies are sorted once for all resamples: a resample only changes their weights.
        """
        window_count = len(self._runs)
        window_weights = np.bincount(indices, minlength=window_count)
        weights = window_weights[self._window_of_value]
        cumulative = weights.cumsum()
        last_rank = cumulative[-1] - 1
        ranks = np.array(percents) / 100 * last_rank
        lower_ranks = np.floor(ranks)
        upper_ranks = np.ceil(ranks)
        lower_positions = np.searchsorted(cumulative, lower_ranks, side="right")
        upper_positions = np.searchsorted(cumulative, upper_ranks, side="right")
        below = self._values[lower_positions]
        above = self._values[upper_positions]
        fractions = ranks - lower_ranks
        interpolated = below + (above - below) * fractions
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

    def of_each(resamples: NDArray[np.int64], axis: int) -> Floats:  # noqa: ARG001 - of SciPy
        rows = []
        for resample in resamples:
            resample_values = statistic(resample)
            rows.append(list(resample_values.values()))
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
    distributions = result.bootstrap_distribution
    for name, distribution in zip(values, distributions, strict=True):
        floats = [float(value) for value in distribution]
        resamples[name] = sorted(floats)
    return ResampledStatistics(values, resamples)
