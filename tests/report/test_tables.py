"""Numbers with their units, and tables that hide nothing."""

from dataclasses import replace

import pytest

from edgebake.evaluation.gates.verdict import Decision, Requirement, Verdict
from edgebake.measurement import Measurement, not_measured
from edgebake.report import tables

SLOW = Measurement(51.25, "ms", "adb", interval=[50.5, 52.0], n=1024, device="Pixel 8", threads=1)
FAST = Requirement("latency_p90_ms", "at_most", 50.0, 0.95)
RIGHT = Requirement("accuracy", "at_least", 0.95, 0.95)
MISSED = Decision(FAST, Verdict.failed, SLOW, bound=51.8)
ABSENT = Decision(RIGHT, Verdict.not_measured, not_measured("share", "no such device here"))
LARGE = Decision(
    Requirement("size_mb", "at_most", 20.0, 0.95), Verdict.failed, Measurement(20.5, "MB", "file")
)


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
        (1.8349, "times", "1.835x"),
    ],
)
def test_numbers_carry_their_unit(value: float, unit: str, shown: str) -> None:
    assert tables.format_value(Measurement(value, unit, "host")) == shown


def test_what_was_not_measured_shows_no_number_and_says_why() -> None:
    absent = not_measured("ms", "no such device here")
    assert tables.format_value(absent) == "not measured"
    assert tables.format_origin(absent) == "no such device here"


@pytest.mark.parametrize(
    ("measured", "where"),
    [
        (Measurement(1, "ms", "host", device="some CPU", threads=1), "host (some CPU, 1 thread)"),
        (Measurement(1, "ms", "host", device="some CPU", threads=4), "host (some CPU, 4 threads)"),
        (Measurement(1, "share", "predicted", device="litert_gpu"), "predicted (litert_gpu)"),
        (Measurement(1, "MB", "file"), "file"),
    ],
)
def test_numbers_say_where_they_come_from(measured: Measurement, where: str) -> None:
    assert tables.format_origin(measured) == where


def _gates(*decisions: tuple[str, Decision]) -> list[str]:
    """Return the lines of the table of gates, each run of blanks as one."""
    return [
        " ".join(line.split())
        for line in tables.as_text(tables.gates(list(decisions))).splitlines()
    ]


def test_gates_show_what_was_required_measured_and_bounded() -> None:
    rows = _gates(("pixel_8", MISSED))
    assert rows[0] == "target gate limit measured bound n where verdict"
    assert rows[-1] == (
        "pixel_8 latency_p90_ms at most 50 51.25 ms 51.8 ms at 0.95 1,024 adb (Pixel 8, 1 thread) "
        "failed"
    )


def test_what_was_not_sampled_has_no_bound() -> None:
    assert _gates(("pixel_8", LARGE))[-1] == "pixel_8 size_mb at most 20 20.5 MB - - file failed"


@pytest.mark.parametrize(
    ("confidence", "bound"), [(0.9, "51.8 ms at 0.9"), (0.9999, "51.8 ms at 0.9999")]
)
def test_a_bound_says_how_sure_it_is(confidence: float, bound: str) -> None:
    decision = replace(MISSED, requirement=replace(FAST, confidence=confidence))
    assert f" {bound} 1,024 " in _gates(("pixel_8", decision))[-1]


def test_a_line_for_each_gate_that_there_is_more_to_say_of() -> None:
    worst = replace(MISSED, note="worst is 3: 10 of 30")
    assert tables.notes([("pixel_8", MISSED), ("iphone_15", worst)]) == [
        "iphone_15, latency_p90_ms: worst is 3: 10 of 30"
    ]


def test_verdicts_stand_in_a_column_per_gate_and_tell_a_missed_one_by_its_capitals() -> None:
    small = replace(LARGE, verdict=Verdict.waived)
    undecided = replace(ABSENT, verdict=Verdict.inconclusive)
    shown = tables.as_text(tables.verdicts({"pixel_8": [MISSED, small], "iphone_15": [undecided]}))
    head, *_, first, second = (" ".join(line.split()) for line in shown.splitlines())
    assert head == "gates p90 size accuracy"
    assert first == "pixel_8 FAILED waived no gate"
    assert second == "iphone_15 no gate no gate UNDECIDED"


def test_every_verdict_has_a_word_and_a_color() -> None:
    assert set(tables.SHORT) == set(tables.STYLES) == set(Verdict)


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (Measurement(1.8349, "times", "host"), "1.83x"),
        (Measurement(0.24561, "ms", "host"), "0.246 ms"),
        (Measurement(0.0437, "MB", "file"), "43.7 kB"),
        (not_measured("ms", "no such device here"), "-"),
    ],
)
def test_a_narrow_column_gets_three_digits(measured: Measurement, shown: str) -> None:
    assert tables.format_brief(measured) == shown


def test_each_gate_has_a_row() -> None:
    shown = tables.as_text(tables.gates([("pixel_8", MISSED), ("iphone_15", ABSENT)]))
    assert [line.split()[0] for line in shown.splitlines()[-2:]] == ["pixel_8", "iphone_15"]
    assert "at least 0.95" in shown.splitlines()[-1]
    assert "no such device here" in shown.splitlines()[-1]


def test_plain_text_has_no_colors_and_no_blanks_at_the_end() -> None:
    shown = tables.as_text(tables.gates([("pixel_8", MISSED)]))
    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if line != line.rstrip() or not line] == []


def test_wide_rows_stay_whole() -> None:
    row = [f"a_long_target_name_{i}" for i in range(len(tables.RELEASE_COLUMNS))]
    shown = tables.as_text(tables.release([row]))
    assert " ".join(shown.splitlines()[-1].split()) == " ".join(row)
