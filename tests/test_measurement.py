"""Findings: what is written down, and that it reads back."""

import os

import pytest

from pipeline.measurement import Measurement, all_threads, from_dict, not_measured


def test_only_fields_that_say_something_are_written() -> None:
    assert Measurement(0.04, "MB", "file").to_dict() == {"value": 0.04, "unit": "MB", "where": "file"}


def test_zero_is_a_finding() -> None:
    assert Measurement(0.0, "share", "host", threads=1, n=540).to_dict() == {
        "value": 0.0,
        "unit": "share",
        "where": "host",
        "threads": 1,
        "n": 540,
    }


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
        Measurement(1.5, "ms", "host", device="some CPU", threads=2, n=500),
        Measurement(0.04, "MB", "file"),
        not_measured("ms", "no such device here"),
    ],
)
def test_what_was_written_reads_back(measured: Measurement) -> None:
    assert from_dict(measured.to_dict()) == measured


def test_threads_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert all_threads() == 3
