"""Findings: what is written down, and that it reads back."""

import pytest

from edgebake.measurement import Measurement, from_dict, not_measured


def test_only_fields_that_say_something_are_written() -> None:
    assert Measurement(0.04, "MB", "file").to_dict() == {
        "value": 0.04,
        "unit": "MB",
        "where": "file",
    }


def test_zero_is_a_finding() -> None:
    assert Measurement(0.0, "share", "host", threads=1, n=540).to_dict() == {
        "value": 0.0,
        "unit": "share",
        "where": "host",
        "n": 540,
        "threads": 1,
    }


def test_an_interval_may_hold_zero_and_is_written_whole() -> None:
    written = Measurement(0.0, "share", "host", interval=[0.0, 0.0], n=540).to_dict()
    assert written["interval"] == [0.0, 0.0]


def test_absence_is_written_with_its_reason() -> None:
    assert not_measured("ms", "no such device here").to_dict() == {
        "value": None,
        "unit": "ms",
        "where": "not measured",
        "reason": "no such device here",
    }


@pytest.mark.parametrize(
    "measured",
    [
        Measurement(
            1.5,
            "ms",
            "adb",
            interval=[1.25, 1.75],
            n=1024,
            device="some CPU",
            os="Android 14",
            threads=2,
        ),
        Measurement(
            0.96,
            "share",
            "host",
            runtime="some runtime 1.0",
            governor="performance",
            sha256="ab" * 32,
        ),
        Measurement(0.04, "MB", "file"),
        not_measured("ms", "no such device here"),
    ],
)
def test_what_was_written_reads_back(measured: Measurement) -> None:
    assert from_dict(measured.to_dict()) == measured
