"""False alarms of a file in a stream, as a gate: counts, hours and the exact bound."""

from dataclasses import replace

import pytest

from edgebake.evaluation.gates.evidence import TargetEvidence
from edgebake.evaluation.gates.metric_tests import PoissonTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.streams import Alarms
from edgebake.measurement import Measurement
from edgebake.recipe import AlarmCeiling

GATE = AlarmCeiling(required=True, at_most=60, labels=["silence"])
RATE = Measurement(20.0, "1/h", "host")
EVIDENCE = TargetEvidence({"false_alarms_per_hour": RATE}, [], alarms=Alarms(1, 360, 0.05))


def test_a_gate_is_decided_by_the_exact_bound_of_the_rate() -> None:
    measurement, test = EVIDENCE.on("false_alarms_per_hour", GATE)
    assert measurement == RATE
    assert test == PoissonTest(1, 0.05)


def test_without_a_stream_nothing_is_measured() -> None:
    evidence = replace(EVIDENCE, alarms=None)
    measurement, test = evidence.on("false_alarms_per_hour", GATE)
    assert measurement.value is None
    assert measurement.reason == "no stream was heard: run `dvc repro`"
    assert test is None


def test_one_alarm_in_three_minutes_proves_no_rate_below_95_an_hour() -> None:
    # Garwood: 4.7439 events are the upper bound of one at 0.95; 4.7439 / 0.05 h = 94.9.
    _, test = EVIDENCE.on("false_alarms_per_hour", GATE)
    assert isinstance(test, PoissonTest)
    requirement = Requirement("false_alarms_per_hour", "at_most", 60, 0.95)
    assert test.bound(requirement) == pytest.approx(94.9, abs=0.05)
    assert not test.proves(requirement)
    assert not test.disproves(requirement)
