"""Durations as people read them."""

import pytest

from edgebake.report.durations import brief, clock


@pytest.mark.parametrize(
    ("seconds", "in_words", "as_clock"),
    [
        (0.04, "0.0 s", "0:00"),
        (9.4, "9.4 s", "0:09"),
        (42.4, "42 s", "0:42"),
        (59.6, "1 min 0 s", "1:00"),
        (725, "12 min 5 s", "12:05"),
        (3800, "1 h 3 min", "1:03:20"),
    ],
)
def test_durations_are_written_for_people(seconds: float, in_words: str, as_clock: str) -> None:
    assert brief(seconds) == in_words
    assert clock(seconds) == as_clock
