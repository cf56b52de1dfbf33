"""Choose the hypothesis test of a metric: the exact method where there is one, else the bootstrap.

A plain share has Clopper and Pearson's bounds and the paired test of Tango's score, an area under
the ROC curve DeLong's, a rate of events Garwood's. Where examples are in groups that are not
independent (voices, persons, machines), every metric is resampled by group.
"""

import numpy as np

from edgebake.evaluation.gates.hypothesis_tests import PairedTest, ProportionTest
from edgebake.evaluation.gates.metric_tests import (
    EXAMPLES,
    SCARCER,
    LossTest,
    PoissonTest,
    ValueTest,
)
from edgebake.evaluation.statistics import paired, poisson, proportion
from edgebake.evaluation.statistics.auc import auc_loss
from edgebake.evaluation.statistics.resampling import FEWEST, Clusters, paired_loss
from edgebake.tasks.metric import Metric, Rows

ONE_SIDED = 0.975  # confidence of each end of an interval


def score_test(
    metric: Metric, rows: Rows, clusters: Clusters | None = None
) -> ProportionTest | PoissonTest | ValueTest:
    """Return the test of a metric's value against a limit."""
    if clusters is None and metric.exact == "share":
        right = rows["right"]
        return ProportionTest(int(right.sum()), len(right))
    if clusters is None and metric.exact == "poisson":
        count = rows["count"].sum()
        hours = rows["hours"].sum()
        return PoissonTest(int(count), float(hours))
    return value_test(metric, rows, clusters)


def value_test(metric: Metric, rows: Rows, clusters: Clusters | None = None) -> ValueTest:
    """Return the test of a value by its loss against right answers."""
    best = metric.best(rows)
    loss = _loss_test(metric, best, rows, clusters)
    best_value = metric.value(best, None)
    return ValueTest(metric, best_value, loss)


def drop_test(
    metric: Metric, before: Rows, now: Rows, clusters: Clusters | None = None
) -> PairedTest | LossTest:
    """Return the test of what a metric loses from one model to another."""
    if clusters is None and metric.exact == "share":
        right_before = before["right"]
        right_now = now["right"]
        lost = right_before & ~right_now
        won = right_now & ~right_before
        return PairedTest(int(lost.sum()), int(won.sum()), len(lost))
    return _loss_test(metric, before, now, clusters)


def _loss_test(metric: Metric, before: Rows, now: Rows, clusters: Clusters | None) -> LossTest:
    if clusters is not None:
        loss = paired_loss(metric, before, now, clusters)
        detail = f"drawn by {clusters.column}: {clusters.count} groups"
        units = f"groups ({clusters.column})"
        return LossTest(loss, loss.n, units, detail)
    if metric.exact == "auc":
        area = auc_loss(before["score"], now["score"], now["truth"])
        return LossTest(area, area.scarcer, SCARCER)
    loss = paired_loss(metric, before, now)
    return LossTest(loss, loss.n)


def score_interval(
    metric: Metric, rows: Rows, clusters: Clusters | None = None
) -> list[float] | None:
    """Return both ends of the 95 % confidence interval of a value; None: it has no bounds."""
    if why_unjudged(rows, metric, clusters):
        return None
    test = score_test(metric, rows, clusters)
    if isinstance(test, ProportionTest):
        return proportion.interval(test.right, test.n)
    if isinstance(test, PoissonTest):
        return poisson.interval(test.count, test.hours)
    return _up_to_best(metric, rows, test.interval(ONE_SIDED))


def _up_to_best(metric: Metric, rows: Rows, interval: list[float]) -> list[float]:
    """Return an interval that ends at the value of right answers: bounds of losses reach beyond."""
    best = metric.value(metric.best(rows), None)
    if metric.rises:
        return [min(end, best) for end in interval]
    return [max(end, best) for end in interval]


def drop_interval(
    metric: Metric, before: Rows, now: Rows, clusters: Clusters | None = None
) -> list[float] | None:
    """Return both ends of the 95 % confidence interval of a loss; None: it has no bounds."""
    if why_unjudged(now, metric, clusters):
        return None
    test = drop_test(metric, before, now, clusters)
    if isinstance(test, PairedTest):
        return paired.interval(test.lost, test.won, test.n)
    return test.interval(ONE_SIDED)


def why_unjudged(rows: Rows, metric: Metric, clusters: Clusters | None = None) -> str:
    """Return why a metric cannot be bounded on so few examples or groups; empty: it can."""
    if clusters is not None and clusters.count < FEWEST:
        return (
            f"examples are drawn by {clusters.column}, and the test split has "
            f"{clusters.count} groups; expected at least {FEWEST}"
        )
    if clusters is not None or metric.exact in ("share", "poisson"):
        return ""
    columns = list(rows.values())
    n = len(columns[0])
    units = EXAMPLES
    if metric.exact == "auc":
        truths = rows["truth"]
        positives = np.sum(truths == 1)
        negatives = np.sum(truths == 0)
        n = int(min(positives, negatives))
        units = SCARCER
    if n < FEWEST:
        return f"the test split has {n} {units}; expected at least {FEWEST}"
    return ""
