"""Examples that are right, by rows of examples.csv: all together, and by class or slice."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from edgebake.evaluation.gates import judging
from edgebake.evaluation.gates.hypothesis_tests import GroupedTest, ProportionTest
from edgebake.evaluation.gates.metric_rows import MetricRows
from edgebake.evaluation.gates.metric_tests import ClusteredGroupsTest
from edgebake.evaluation.statistics.resampling import Clusters
from edgebake.tasks.metric import Metric
from edgebake.terminal.printable import printable

# Of examples.csv: name, label, answer, float_answer, confidence, group, slice:<column>
Row = dict[str, str]


def is_right(row: Row) -> bool:
    """Return whether the file's answer to an example is right."""
    return row["answer"] == row["label"]


def share_rows(metric: Metric, examples: Sequence[Row]) -> MetricRows:
    """Return for which examples the answers of the float parent, and of the file, are right."""
    before = [row["float_answer"] == row["label"] for row in examples]
    now = [is_right(row) for row in examples]
    rows_before = {"right": np.array(before)}
    rows_now = {"right": np.array(now)}
    return MetricRows(metric, rows_before, rows_now)


def grouped_test(rows: Iterable[Row], column: str) -> GroupedTest:
    """Count the right answers for each value of a column, sorted by value."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows:
        name = row[column]
        total[name] += 1
        right[name] += is_right(row)
    tests = {}
    for name in sorted(total):
        tests[name] = ProportionTest(right[name], total[name])
    return GroupedTest(tests)


def clustered_test(
    metric: Metric, examples: Sequence[Row], column: str, clusters: Clusters
) -> ClusteredGroupsTest | str:
    """Return the tests of each value of a column, drawn by group; or why one has too few groups."""
    by_value: dict[str, list[int]] = {}
    for number, row in enumerate(examples):
        numbers_of_value = by_value.setdefault(row[column], [])
        numbers_of_value.append(number)
    tests = {}
    for value in sorted(by_value):
        numbers = by_value[value]
        examples_of_value = [examples[number] for number in numbers]
        rows = share_rows(metric, examples_of_value).now
        clusters_of_value = clusters.of_examples[numbers]
        _, groups = np.unique(clusters_of_value, return_inverse=True)
        of_value = Clusters(clusters.column, groups)
        reason = judging.why_unjudged(rows, metric, of_value)
        if reason:
            return f"{printable(value)}: {reason}"
        tests[value] = judging.value_test(metric, rows, of_value)
    return ClusteredGroupsTest(tests)
