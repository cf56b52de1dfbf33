"""Metrics of tasks: what each example leaves as rows, and the value of weighted rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgebake.tasks.tensors import Outputs

# What the examples leave, by name, each [n]: the metric is a function of these alone.
Rows = Mapping[str, NDArray[Any]]
Weights = NDArray[np.float64] | None  # how often each example counts, [n]; None: once


@dataclass(frozen=True)
class Metric:
    """A number for the answers to a test set, and how to bound it.

    `exact` names the method where there is one, and what its rows are: `share` has `right` (bool),
    `auc` has `score` and `truth` (0 or 1), `poisson` has `count` and `hours`. Every other metric is
    bounded by the bootstrap.
    """

    word: str  # key in report.json, beside float_<word> and <word>_drop
    meaning: str  # line of the model card
    rows: Callable[[Outputs, NDArray[np.int64]], Rows]  # of outputs and truths
    value: Callable[[Rows, Weights], float]
    best: Callable[[Rows], Rows]  # the rows of right answers to the same examples
    # Most that the value can change per share of examples that change: 1 for a share.
    worth: Callable[[Rows], float]
    exact: Literal["share", "auc", "poisson"] | None = None
    rises: bool = True  # a higher value is better
    unit: str = "share"

    @property
    def drop_word(self) -> str:
        """Return the key of what a file loses against its float parent."""
        return f"{self.word}_drop"

    def moved(self, before: Rows, now: Rows) -> NDArray[np.bool_]:
        """Return which examples leave other rows than before, [n]."""
        differs = [before[name] != now[name] for name in before]
        moved: NDArray[np.bool_] = np.logical_or.reduce(differs)
        return moved

    def loss(self, before: float, now: float) -> float:
        """Return by how much a value is worse than before."""
        return before - now if self.rises else now - before

    def value_at_loss(self, best: float, loss: float) -> float:
        """Return the value that is worse than the best by a loss."""
        return best - loss if self.rises else best + loss


def share_metric(
    word: str, meaning: str, right: Callable[[Outputs, NDArray[np.int64]], NDArray[np.bool_]]
) -> Metric:
    """Return the share of the examples whose answer is right."""
    return Metric(
        word=word,
        meaning=meaning,
        rows=lambda outputs, truths: {"right": right(outputs, truths)},
        value=_share_right,
        best=_all_right,
        worth=lambda _: 1.0,
        exact="share",
    )


def _all_right(rows: Rows) -> Rows:
    right = rows["right"]
    return {"right": np.ones_like(right)}


def _share_right(rows: Rows, weights: Weights) -> float:
    return weighted_mean(rows["right"], weights)


def weighted_mean(values: NDArray[Any], weights: Weights) -> float:
    """Return the mean of values [n]; ten times as fast as NumPy's for the few of a resample."""
    if weights is None:
        return float(values.mean())
    return float(weights @ values) / float(weights.sum())
