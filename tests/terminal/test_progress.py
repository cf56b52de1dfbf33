"""Reports of progress: limited in rate, shown as a bar, or passed to the build."""

import io

import pytest

from edgebake.terminal import progress
from edgebake.terminal.console import Terminal
from edgebake.terminal.progress import AtIntervals, Progress


def _epochs(*completed: int) -> list[Progress]:
    return [Progress(number, 30, "epochs") for number in completed]


class _Clock:
    """A clock that each reading moves on."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.now = 100.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_without_anybody_who_listens_a_report_does_nothing() -> None:
    progress.report(1, 30, "epochs")


def test_the_innermost_listener_gets_the_reports() -> None:
    outer: list[Progress] = []
    inner: list[Progress] = []
    with progress.reported_to(outer.append):
        with progress.reported_to(inner.append):
            progress.report(1, 30, "epochs", "accuracy 0.5")
        progress.report(2, 30, "epochs")
    progress.report(3, 30, "epochs")
    assert inner == [Progress(1, 30, "epochs", "accuracy 0.5")]
    assert outer == [Progress(2, 30, "epochs")]


def test_a_listener_is_gone_after_an_error() -> None:
    passed: list[Progress] = []
    with pytest.raises(ValueError, match="stage"), progress.reported_to(passed.append):
        raise ValueError("stage")
    progress.report(1, 30, "epochs")
    assert passed == []


def test_reports_pass_at_most_four_times_a_second_and_the_last_one_always() -> None:
    passed: list[Progress] = []
    limited = AtIntervals(passed.append, _Clock(0.1))
    for report in _epochs(1, 2, 3, 4, 5, 6, 7, 30):
        limited(report)
    assert passed == _epochs(1, 4, 7, 30)


def test_another_count_passes_at_once() -> None:
    passed: list[Progress] = []
    limited = AtIntervals(passed.append, _Clock(0.1))
    reports = [*_epochs(1, 2), Progress(1, 8, "epochs"), Progress(1, 8, "runs")]
    for report in reports:
        limited(report)
    assert passed == [reports[0], *reports[2:]]


def test_a_bar_shows_description_count_and_note_and_goes_away() -> None:
    file = io.StringIO()
    console = Terminal(file=file, width=80, force_terminal=True, color_system=None)
    with progress.bar(console, "train digits"):
        progress.report(12, 30, "epochs", "accuracy 0.9312")
        progress.report(30, 30, "epochs", "accuracy 0.9500")
    frames = file.getvalue()
    assert "train digits" in frames
    assert "30/30 epochs, accuracy 0.9500" in frames
    assert frames.endswith("\x1b[2K")  # the line of the bar is erased


def test_there_is_no_bar_where_output_is_piped() -> None:
    file = io.StringIO()
    with progress.bar(Terminal(file=file), "train digits"):
        progress.report(30, 30, "epochs")
    assert file.getvalue() == ""


def test_there_is_no_bar_in_a_build_that_listens() -> None:
    file = io.StringIO()
    console = Terminal(file=file, width=80, force_terminal=True)
    passed: list[Progress] = []
    with progress.reported_to(passed.append), progress.bar(console, "train digits"):
        progress.report(30, 30, "epochs")
    assert file.getvalue() == ""
    assert passed == _epochs(30)


def test_a_count_is_written_with_thousands() -> None:
    assert progress.count_text(Progress(1200, 12000, "examples")) == "1,200/12,000 examples"
