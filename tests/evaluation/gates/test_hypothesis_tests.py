"""Worked examples of every hypothesis test, and of what would settle it."""

import numpy as np
import pytest

from edgebake.evaluation.gates.hypothesis_tests import (
    BootstrapTest,
    ExactValue,
    GroupedTest,
    HypothesisTest,
    PairedTest,
    ProportionTest,
    holm,
)
from edgebake.evaluation.gates.verdict import Requirement


def _requirement(direction: str, limit: float, confidence: float = 0.95) -> Requirement:
    return Requirement("a_gate", direction, limit, confidence)


def _outcome(test: HypothesisTest, requirement: Requirement) -> str:
    proves, disproves = test.proves(requirement), test.disproves(requirement)
    assert not (proves and disproves)
    return "passed" if proves else "failed" if disproves else "inconclusive"


@pytest.mark.parametrize(
    ("right", "outcome"),
    [
        (200, "passed"),
        (196, "passed"),
        (195, "inconclusive"),
        (185, "inconclusive"),
        (183, "failed"),
        (100, "failed"),
    ],
)
def test_counts_of_200_against_a_floor_of_095(right: int, outcome: str) -> None:
    # 0.05 is crossed between 195 and 196 of 200:
    # P(X >= 196 | 0.95) = 0.026, P(X >= 195 | 0.95) = 0.062.
    assert _outcome(ProportionTest(right, 200), _requirement("at_least", 0.95)) == outcome


def test_less_confidence_decides_earlier() -> None:
    assert (
        _outcome(ProportionTest(195, 200), _requirement("at_least", 0.95, confidence=0.9))
        == "passed"
    )


def test_a_floor_of_nothing_is_always_passed_and_one_of_all_never() -> None:
    assert _outcome(ProportionTest(0, 10), _requirement("at_least", 0.0)) == "passed"
    assert _outcome(ProportionTest(10, 10), _requirement("at_least", 1.0)) == "inconclusive"
    assert (
        ProportionTest(10, 10).note(_requirement("at_least", 1.0))
        == "no number of test examples proves a share of 1"
    )
    assert _outcome(ProportionTest(9, 10), _requirement("at_least", 1.0)) == "failed"


def test_counts_say_how_many_more_examples_would_decide() -> None:
    requirement = _requirement("at_least", 0.95)
    note = ProportionTest(195, 200).note(requirement)
    assert note == "about 16 more test examples would decide"
    assert ProportionTest(190, 200).note(requirement) == (
        "the measured value is the limit itself: no number of test examples would decide"
    )


@pytest.mark.parametrize(
    ("lost", "won", "outcome"),
    [
        (0, 0, "passed"),
        (3, 1, "passed"),
        (9, 3, "inconclusive"),
        (20, 4, "inconclusive"),
        (30, 3, "failed"),
    ],
)
def test_pairs_of_540_against_a_loss_of_two_points(lost: int, won: int, outcome: str) -> None:
    assert _outcome(PairedTest(lost, won, 540), _requirement("at_most", 0.02)) == outcome


def test_a_model_that_is_better_than_its_parent_passes_a_loss_of_nothing() -> None:
    assert _outcome(PairedTest(2, 20, 540), _requirement("at_most", 0.0)) == "passed"


def test_pairs_say_how_many_more_examples_would_decide() -> None:
    assert PairedTest(9, 3, 540).note(_requirement("at_most", 0.02)).startswith("about ")


def test_all_groups_have_to_be_proven() -> None:
    requirement = _requirement("at_least", 0.8)
    good, few = ProportionTest(54, 54), ProportionTest(5, 5)
    assert _outcome(GroupedTest({"a": good, "b": ProportionTest(50, 54)}), requirement) == "passed"
    assert _outcome(GroupedTest({"a": good, "b": few}), requirement) == "inconclusive"


def test_a_group_is_missed_only_if_chance_among_so_many_groups_does_not_explain_it() -> None:
    # P(X <= 11 | 20, 0.8) = 0.0100: below 0.05, but with ten groups Holm asks the lowest for 0.005.
    requirement, poor, sound = (
        _requirement("at_least", 0.8),
        ProportionTest(11, 20),
        ProportionTest(18, 20),
    )
    assert _outcome(GroupedTest({"poor": poor, "sound": sound}), requirement) == "failed"
    many = GroupedTest({"poor": poor, **{f"sound {i}": sound for i in range(9)}})
    assert _outcome(many, requirement) == "inconclusive"
    assert GroupedTest({"poor": poor, "sound": sound}).missed(requirement) == ["poor"]


def test_holm_rejects_from_the_smallest_p_value_up_to_the_first_that_is_too_large() -> None:
    # Sorted, against 0.05 / 4, / 3, / 2 and / 1: 0.005 and 0.01 are below, 0.03 is not.
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([0.05], 0.05) == [True]
    assert holm([0.06, 0.2], 0.05) == [False, False]


def test_holm_rejects_what_statsmodels_rejects() -> None:
    from statsmodels.stats.multitest import multipletests

    random = np.random.default_rng(0)
    counts = set()
    for _ in range(20):
        p_values = (random.uniform(0, 1, 12) ** 6).tolist()
        rejected, *_ = multipletests(p_values, 0.05, method="holm")
        assert holm(p_values, 0.05) == rejected.tolist()
        counts.add(int(rejected.sum()))
    assert len(counts) >= 4


def test_the_note_names_the_worst_group() -> None:
    requirement = _requirement("at_least", 0.8)
    groups = GroupedTest(
        {"7": ProportionTest(42, 50), "3": ProportionTest(45, 50), "9": ProportionTest(50, 50)}
    )
    assert groups.worst == "7"
    assert groups.note(requirement).startswith("worst is 7: 42 of 50; about ")
    assert (
        GroupedTest({"7": ProportionTest(10, 50), "3": ProportionTest(50, 50)}).note(requirement)
        == "worst is 7: 10 of 50"
    )


@pytest.mark.parametrize(
    ("direction", "limit", "outcome"),
    [
        ("at_most", 0.96, "passed"),
        ("at_most", 0.5, "inconclusive"),
        ("at_most", 0.04, "failed"),
        ("at_least", 0.04, "passed"),
        ("at_least", 0.5, "inconclusive"),
        ("at_least", 0.96, "failed"),
    ],
)
def test_resamples_from_0_to_1_are_judged_by_their_outer_twentieths(
    direction: str, limit: float, outcome: str
) -> None:
    test = BootstrapTest([i / 1000 for i in range(1001)], "a quieter machine")
    assert _outcome(test, _requirement(direction, limit)) == outcome
    assert test.bound(_requirement(direction, limit)) == pytest.approx(
        0.95 if direction == "at_most" else 0.05
    )


def test_a_size_is_what_it_is() -> None:
    assert _outcome(ExactValue(20.0), _requirement("at_most", 20)) == "passed"
    assert _outcome(ExactValue(20.1), _requirement("at_most", 20)) == "failed"
    assert _outcome(ExactValue(float("nan")), _requirement("at_most", 20)) == "failed"
    assert ExactValue(1.0).bound(_requirement("at_most", 20)) is None


def test_classes_without_test_examples_are_named_beside_the_worst() -> None:
    groups = {"a": ProportionTest(9, 10), "b": ProportionTest(10, 10)}
    test = GroupedTest(groups, untested=["c", "d"])
    assert test.detail == "worst is a: 9 of 10; not tested: 2 of 4 classes (c, d)"
