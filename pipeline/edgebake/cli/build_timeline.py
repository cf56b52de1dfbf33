"""Record when the stages of a build ran, for the chart of `edgebake build --timeline FILE`."""

from collections.abc import Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from edgebake.execution import estimate
from edgebake.execution.build_state import BuildState, Phase
from edgebake.execution.estimate import Work
from edgebake.execution.events import Event, Failed, Finished, Planned, Started
from edgebake.execution.task import Task
from edgebake.report.timeline import Bar, Timeline

COUNTED = (Phase.unchanged, Phase.restored, Phase.blocked)


class TimelineRecorder:
    """An observer of a build that collects the bars of its chart."""

    def __init__(self) -> None:
        self._state = BuildState()
        self._tasks: dict[str, Task] = {}  # of all plans of a search of `quantize: auto`
        self._upstream: dict[str, tuple[str, ...]] = {}
        self._started: dict[str, float] = {}
        self._bars: list[Bar] = []

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        self._state(event)
        if isinstance(event, Planned):
            tasks = {task.name: task for task in event.tasks}
            self._tasks.update(tasks)
            self._upstream.update(event.upstream)
        elif isinstance(event, Started):
            name = event.task.name
            self._started[name] = event.at
        elif isinstance(event, Finished | Failed):
            started = self._started.get(event.task.name)
            bar = _bar(event, started)
            self._bars.append(bar)

    def timeline(self) -> Timeline:
        """Return what the chart shows, with the longest chain of stages marked."""
        critical = self._critical_path()
        bars = []
        for bar in self._bars:
            is_critical = bar.name in critical
            marked = replace(bar, is_critical=is_critical)
            bars.append(marked)
        counts = {}
        for phase in COUNTED:
            counts[phase.value] = self._state.count(phase)
        return Timeline(bars, self._state.at, counts)

    def _critical_path(self) -> set[str]:
        """Return the names of the chain of stages that takes longest however many run at once."""
        seconds: dict[str, float] = {}
        for bar in self._bars:
            seconds[bar.name] = bar.end - bar.start
        order = _in_order(self._tasks, self._upstream)
        work = Work(order, self._upstream, seconds)
        chain = estimate.critical_path(work)
        return {name for name in chain if name in seconds}


def _bar(event: Finished | Failed, started: float | None) -> Bar:
    """Return the bar of a stage, without the time in which it waited to be recorded."""
    seconds = event.outcome.seconds
    start = started
    if start is None:
        start = event.at - seconds
    recorded = start + seconds
    return Bar(
        name=event.task.name,
        stage=event.task.stage,
        worker=event.outcome.worker,
        start=start,
        end=min(recorded, event.at),
        is_quiet=event.task.quiet,
        is_failed=isinstance(event, Failed),
    )


def _in_order(tasks: Mapping[str, Task], upstream: Mapping[str, tuple[str, ...]]) -> list[Task]:
    """Return tasks of several plans, each after those that it waits for."""
    graph: dict[str, set[str]] = {}
    for name in tasks:
        known = upstream.get(name, ())
        graph[name] = tasks.keys() & known
    order = TopologicalSorter(graph).static_order()
    return [tasks[name] for name in order]
