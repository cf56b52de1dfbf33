"""A waiver lets a gate through until its last day, and stands beside the verdict in any case."""

from datetime import date

import pytest

from edgebake.evaluation.gates.verdict import Decision, Requirement, Verdict
from edgebake.evaluation.gates.waivers import apply_waiver
from edgebake.measurement import Measurement
from edgebake.recipe import Waiver

TODAY = date(2027, 1, 10)
SLOW = Measurement(60.0, "ms", "adb")


def _decision(verdict: Verdict) -> Decision:
    return Decision(Requirement("latency_p90_ms", "at_most", 50, 0.95), verdict, SLOW)


def _waiver(until: str, gate: str = "latency_p90_ms") -> Waiver:
    return Waiver(gate=gate, reason="the next chip is twice as fast", by="Ada", until=until)


@pytest.mark.parametrize("verdict", [Verdict.failed, Verdict.inconclusive, Verdict.not_measured])
def test_a_gate_is_waived_until_its_last_day(verdict: Verdict) -> None:
    decision = apply_waiver(_decision(verdict), [_waiver("2027-01-10")], TODAY)
    assert decision.verdict is Verdict.waived
    assert decision.lets_through
    assert (
        decision.note
        == f"{verdict.value}; waived by Ada until 2027-01-10: the next chip is twice as fast"
    )
    assert decision.to_dict()["waiver"] == vars(_waiver("2027-01-10"))


@pytest.mark.parametrize("verdict", [Verdict.failed, Verdict.inconclusive, Verdict.not_measured])
def test_an_expired_one_fails_and_says_whose_it_was(verdict: Verdict) -> None:
    decision = apply_waiver(_decision(verdict), [_waiver("2027-01-09")], TODAY)
    assert decision.verdict is Verdict.failed
    assert not decision.lets_through
    assert decision.note == "the waiver by Ada ended on 2027-01-09"


def test_a_gate_that_passes_needs_none_and_shows_it() -> None:
    decision = apply_waiver(_decision(Verdict.passed), [_waiver("2027-01-09")], TODAY)
    assert decision.verdict is Verdict.passed
    assert decision.waiver == _waiver("2027-01-09")


def test_a_waiver_of_another_gate_changes_nothing() -> None:
    decision = _decision(Verdict.failed)
    assert apply_waiver(decision, [_waiver("2027-12-31", gate="accuracy_drop")], TODAY) is decision
