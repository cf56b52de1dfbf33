"""Which test a metric has: the exact one, the bootstrap, or that of groups."""

import numpy as np
import pytest

from edgebake.evaluation.gates import judging
from edgebake.evaluation.gates.hypothesis_tests import PairedTest, ProportionTest
from edgebake.evaluation.gates.metric_tests import LossTest, PoissonTest, ValueTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.statistics import paired, proportion
from edgebake.evaluation.statistics.resampling import Clusters
from edgebake.tasks.metric import Metric, Rows
from edgebake.tasks.outputs.classification import ACCURACY, MACRO_F1

BEFORE = {"right": np.repeat([True, False], [36, 4])}
NOW = {"right": np.repeat([False, True], [3, 37])}
VOICES = Clusters("voice", np.arange(40) // 2)


def _best(rows: Rows) -> Rows:
    return {"score": rows["truth"].astype(float), "truth": rows["truth"]}


AREA = Metric("auc", "", lambda *_: {}, lambda *_: 1.0, _best, lambda _: 1.0, "auc")
ALARMS = Metric("alarms", "", lambda *_: {}, lambda *_: 1.0, _best, lambda _: 1.0, "poisson")


def test_a_share_has_the_exact_tests() -> None:
    assert judging.score_test(ACCURACY, NOW) == ProportionTest(37, 40)
    assert judging.drop_test(ACCURACY, BEFORE, NOW) == PairedTest(3, 4, 40)


def test_a_share_of_groups_is_drawn_by_group() -> None:
    test = judging.score_test(ACCURACY, NOW, VOICES)
    assert isinstance(test, ValueTest)
    assert test.value == pytest.approx(37 / 40)
    assert test.detail == "drawn by voice: 20 groups"
    drop = judging.drop_test(ACCURACY, BEFORE, NOW, VOICES)
    assert isinstance(drop, LossTest)
    assert drop.paired.loss == pytest.approx(-1 / 40)


def test_intervals_are_those_of_the_tests() -> None:
    assert judging.score_interval(ACCURACY, NOW) == proportion.interval(37, 40)
    assert judging.drop_interval(ACCURACY, BEFORE, NOW) == paired.interval(3, 4, 40)
    by_voice = judging.score_interval(ACCURACY, NOW, VOICES)
    assert by_voice is not None
    assert by_voice[0] < 37 / 40 < by_voice[1]
    few = Clusters("voice", np.arange(40) % 14)
    assert judging.score_interval(ACCURACY, NOW, few) is None


def test_an_area_has_delongs_interval_and_counts_the_scarcer_class() -> None:
    truths = np.repeat([0, 1], [70, 30])
    rows = {"score": truths + np.linspace(0, 0.9, 100), "truth": truths}
    test = judging.score_test(AREA, rows)
    assert isinstance(test, ValueTest)
    assert (test.value, test.loss.n) == (1.0, 30)
    requirement = Requirement("auc", "at_least", 0.95, 0.95)
    assert test.note(requirement) == (
        "about 43 more test examples of the scarcer class would decide"
    )
    assert not judging.why_unjudged(rows, AREA)
    few = {name: array[:85] for name, array in rows.items()}
    assert judging.why_unjudged(few, AREA) == (
        "the test split has 15 test examples of the scarcer class; expected at least 20"
    )


def test_events_have_garwoods_bounds() -> None:
    rows = {"count": np.array([1, 0, 2]), "hours": np.array([0.5, 0.5, 0.25])}
    assert judging.score_test(ALARMS, rows) == PoissonTest(3, 1.25)


def test_another_metric_is_bootstrapped() -> None:
    labels = np.arange(40) % 4
    now = {"label": labels, "answer": np.where(np.arange(40) < 2, 3, labels)}
    right = {"label": labels, "answer": labels}
    test = judging.score_test(MACRO_F1, now)
    assert isinstance(test, ValueTest)
    assert test.best == 1.0
    # Recalls of 0.9, 0.9, 1 and 1, and 2 false answers of 12 for the last class.
    assert test.value == pytest.approx((2 * 18 / 19 + 1 + 20 / 22) / 4)
    drop = judging.drop_test(MACRO_F1, right, now)
    assert isinstance(drop, LossTest)
    assert drop.paired.loss == pytest.approx(1 - test.value)


def test_too_few_examples_or_groups_are_not_judged() -> None:
    labels = np.arange(19)
    rows = {"label": labels, "answer": labels}
    assert judging.why_unjudged(rows, MACRO_F1) == (
        "the test split has 19 test examples; expected at least 20"
    )
    assert not judging.why_unjudged({"right": labels == 0}, ACCURACY)
    fourteen = Clusters("voice", np.arange(40) % 14)
    assert judging.why_unjudged(NOW, ACCURACY, fourteen) == (
        "examples are drawn by voice, and the test split has 14 groups; expected at least 20"
    )
    assert not judging.why_unjudged(NOW, ACCURACY, VOICES)


def test_an_interval_ends_at_the_value_of_right_answers() -> None:
    labels = np.arange(300) % 3
    answers = labels.copy()
    answers[:2] = 1, 2
    low, high = judging.score_interval(MACRO_F1, {"label": labels, "answer": answers}) or [0, 0]
    assert 0.9 < low < 0.99
    assert high == 1.0
