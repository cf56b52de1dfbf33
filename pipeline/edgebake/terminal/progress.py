"""Report how far a stage is: as a bar on a terminal, or to the build that started the stage.

Code that counts epochs, examples or runs calls `report`. What started the stage chooses by
`reported_to` or `bar` where reports go; without either they go nowhere.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich import progress as rich_progress
from rich.console import Console

INTERVAL = 0.25  # seconds between two reports that are passed on


@dataclass(frozen=True)
class Progress:
    """How far a task is."""

    completed: float
    total: float
    unit: str  # epochs, examples, runs
    note: str = ""  # for example `accuracy 0.9312`


Sink = Callable[[Progress], None]

_sinks: list[Sink] = []  # the last one gets the reports


def report(completed: float, total: float, unit: str, note: str = "") -> None:
    """Report that a number of epochs, examples or runs is done."""
    if _sinks:
        _sinks[-1](Progress(completed, total, unit, note))


@contextmanager
def reported_to(sink: Sink) -> Iterator[None]:
    """Pass reports to a function, at most one per INTERVAL and the last one of each count."""
    _sinks.append(AtIntervals(sink))
    try:
        yield
    finally:
        _sinks.pop()


@contextmanager
def bar(console: Console, description: str) -> Iterator[None]:
    """Show reports as a bar that is gone at the end.

    Nothing is shown if the console is no terminal, or if reports already go to a build.
    """
    if _sinks or not console.is_terminal:
        yield
        return
    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.fields[count]}", markup=False),
        rich_progress.TimeRemainingColumn(),
    )
    # What libraries print belongs into the stage's log, not above the bar.
    bars = rich_progress.Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    )
    with bars, reported_to(_Bar(bars, description)):
        yield


def count_text(progress: Progress) -> str:
    """Return a count as people read it: `12/30 epochs`."""
    return f"{progress.completed:,.0f}/{progress.total:,.0f} {progress.unit}"


def count_and_note(progress: Progress) -> str:
    """Return a count with its note: `12/30 epochs, accuracy 0.9312`."""
    if not progress.note:
        return count_text(progress)
    return f"{count_text(progress)}, {progress.note}"


class AtIntervals:
    """Pass on the first and last report of each count, and at most one per INTERVAL between."""

    def __init__(self, sink: Sink, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._clock = clock
        self._passed_at = 0.0
        self._count: tuple[float, str] | None = None  # total and unit

    def __call__(self, progress: Progress) -> None:
        """Pass a report on, if it is time."""
        now = self._clock()
        count = (progress.total, progress.unit)
        is_new = count != self._count
        is_last = progress.completed >= progress.total
        if is_new or is_last or now - self._passed_at >= INTERVAL:
            self._count = count
            self._passed_at = now
            self._sink(progress)


class _Bar:
    """One bar of rich that shows the latest report."""

    def __init__(self, bars: rich_progress.Progress, description: str) -> None:
        self._bars = bars
        self._description = description
        self._count: tuple[float, str] | None = None  # total and unit
        self._task: rich_progress.TaskID | None = None

    def __call__(self, progress: Progress) -> None:
        """Show a report; another count than the last one replaces the bar."""
        count = (progress.total, progress.unit)
        if self._task is None or count != self._count:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(self._description, total=progress.total, count="")
            self._count = count
        text = count_and_note(progress)
        self._bars.update(self._task, completed=progress.completed, count=text)
