"""Verdicts and notes of the tests of losses, values and rates."""

from dataclasses import dataclass

import pytest

from edgebake.evaluation.gates.metric_tests import LossTest, PoissonTest, ValueTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.tasks.outputs.classification import MACRO_F1


@dataclass(frozen=True)
class _Loss:
    """A loss of 0.02, plus or minus 0.01; 80 units would settle it."""

    loss: float = 0.02

    def bound(self, _: float) -> float:
        return self.loss + 0.01

    def lower(self, _: float) -> float:
        return self.loss - 0.01

    def needed(self, limit: float, _: float) -> int | None:
        return None if limit == self.loss else 1080


def _at_most(limit: float) -> Requirement:
    return Requirement("macro_f1_drop", "at_most", limit, 0.95)


def _at_least(limit: float) -> Requirement:
    return Requirement("macro_f1", "at_least", limit, 0.95)


@pytest.mark.parametrize(
    ("limit", "proves", "disproves"),
    [(0.031, True, False), (0.02, False, False), (0.009, False, True)],
)
def test_a_loss_is_compared_by_its_bounds(limit: float, proves: bool, disproves: bool) -> None:
    test = LossTest(_Loss(), 1000)
    assert test.proves(_at_most(limit)) == proves
    assert test.disproves(_at_most(limit)) == disproves
    assert test.bound(_at_most(limit)) == pytest.approx(0.03)


def test_a_loss_says_how_many_more_would_decide() -> None:
    assert LossTest(_Loss(), 1000).note(_at_most(0.025)) == (
        "about 80 more test examples would decide"
    )
    by_voice = LossTest(_Loss(), 1000, "groups (voice)", "drawn by voice: 1000 groups")
    assert by_voice.note(_at_most(0.025)) == (
        "drawn by voice: 1000 groups; about 80 more groups (voice) would decide"
    )
    assert by_voice.note(_at_most(0.02)) == (
        "drawn by voice: 1000 groups; the measured value is the limit itself: "
        "no number of groups (voice) would decide"
    )


@pytest.mark.parametrize(
    ("limit", "proves", "disproves"),
    [(0.969, True, False), (0.98, False, False), (0.991, False, True)],
)
def test_a_value_is_the_loss_against_right_answers(
    limit: float, proves: bool, disproves: bool
) -> None:
    test = ValueTest(MACRO_F1, 1.0, LossTest(_Loss(), 1000))
    assert test.value == pytest.approx(0.98)
    assert test.proves(_at_least(limit)) == proves
    assert test.disproves(_at_least(limit)) == disproves
    assert test.bound(_at_least(limit)) == pytest.approx(0.97)
    assert test.interval(0.975) == pytest.approx([0.97, 0.99])


def test_a_value_says_how_many_more_would_decide() -> None:
    test = ValueTest(MACRO_F1, 1.0, LossTest(_Loss(), 1000))
    assert test.note(_at_least(0.975)) == "about 80 more test examples would decide"
    assert test.note(_at_least(1.0)) == "no number of test examples proves a value of 1"


def test_alarms_are_counted_against_a_ceiling() -> None:
    ceiling = Requirement("false_alarms_per_hour", "at_most", 1.0, 0.95)
    assert PoissonTest(0, 3.0).proves(ceiling)  # the bound is 0.9986
    assert not PoissonTest(0, 2.9).proves(ceiling)
    assert PoissonTest(8, 3.0).disproves(ceiling)
    few = PoissonTest(0, 2.0)
    assert not few.disproves(ceiling)
    assert few.note(ceiling) == "0 in 2 hours; about 1.1 more hours would decide"
    assert PoissonTest(2, 2.0).note(ceiling) == (
        "2 in 2 hours; the measured value is the limit itself: no number of hours would decide"
    )
