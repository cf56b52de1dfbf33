"""Numbers with their units, and tables that hide nothing."""

import pytest

from pipeline.gates import Decision, Verdict
from pipeline.measurement import Measurement, not_measured
from pipeline.report import table

SLOW = Measurement(51.25, "ms", "host", "some CPU", threads=1, n=500)
MISSED = Decision("latency_p95_ms", "at_most", 50.0, Verdict.failed, SLOW)
ABSENT = Decision("accuracy", "at_least", 0.95, Verdict.not_measured, not_measured("share", "no such device here"))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.9685185, "share", "0.9685"),
        (0.019444, "ms", "0.01944 ms"),
        (51.25, "ms", "51.25 ms"),
        (51612.9, "1/s", "51,613/s"),
        (3.5, "MB", "3.5 MB"),
        (0.043658, "MB", "43.7 kB"),
        (0.0, "share", "0"),
    ],
)
def test_numbers_carry_their_unit(value: float, unit: str, shown: str) -> None:
    assert table.shown(Measurement(value, unit, "host")) == shown


def test_what_was_not_measured_shows_no_number_and_says_why() -> None:
    absent = not_measured("ms", "no such device here")
    assert table.shown(absent) == "not measured"
    assert table.where(absent) == "no such device here"


@pytest.mark.parametrize(
    ("measured", "where"),
    [
        (Measurement(1, "ms", "host", "some CPU", threads=1), "host (some CPU, 1 thread)"),
        (Measurement(1, "ms", "host", "some CPU", threads=4), "host (some CPU, 4 threads)"),
        (Measurement(1, "MB", "file"), "file"),
    ],
)
def test_numbers_say_where_they_come_from(measured: Measurement, where: str) -> None:
    assert table.where(measured) == where


def test_gates_show_what_was_asked_and_found() -> None:
    rows = [" ".join(line.split()) for line in table.as_text(table.gates([("pixel_8", MISSED)])).splitlines()]
    assert rows[0] == "target gate asked measured where verdict"
    assert rows[-1] == "pixel_8 latency_p95_ms at most 50 51.25 ms host (some CPU, 1 thread) failed"


def test_each_gate_has_a_row() -> None:
    shown = table.as_text(table.gates([("pixel_8", MISSED), ("iphone_15", ABSENT)]))
    assert [line.split()[0] for line in shown.splitlines()[-2:]] == ["pixel_8", "iphone_15"]
    assert "at least 0.95" in shown.splitlines()[-1]
    assert "no such device here" in shown.splitlines()[-1]


def test_plain_text_has_no_colours_and_no_blanks_at_the_end() -> None:
    shown = table.as_text(table.gates([("pixel_8", MISSED)]))
    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if line != line.rstrip() or not line] == []


def test_wide_rows_stay_whole() -> None:
    row = [f"a_long_target_name_{i}" for i in range(len(table.RELEASE_COLUMNS))]
    shown = table.as_text(table.release([row]))
    assert " ".join(shown.splitlines()[-1].split()) == " ".join(row)
