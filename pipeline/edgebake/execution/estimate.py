"""Estimate how long tasks take together, from how long each of them took the last time.

The tasks are started as the scheduler starts them, in the order of `policy`, whenever one ends.
A task without a known duration counts as 0 seconds, and is named: the estimate is a lower bound.
"""

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from edgebake.execution import policy
from edgebake.execution.task import Task

Seconds = Mapping[str, float]  # by the name of the task
Upstream = Mapping[str, Collection[str]]  # names of the tasks that each task waits for
CanStart = Callable[[Task, Collection[Task]], bool]  # as `Pool.can_start`


@dataclass(frozen=True)
class Span:
    """When a task would run, in seconds from now."""

    task: Task
    start: float
    end: float


@dataclass(frozen=True)
class Estimate:
    """When each task would run, and which durations are unknown."""

    spans: tuple[Span, ...]  # by their start
    unknown: tuple[str, ...]  # names of the tasks that count as 0 seconds

    @property
    def seconds(self) -> float:
        """The time until the last task ends; a lower bound if a duration is unknown."""
        ends = [span.end for span in self.spans]
        return max(ends, default=0.0)


@dataclass(frozen=True)
class Work:
    """Tasks that are to run or are running."""

    tasks: Sequence[Task]  # each after those that it waits for
    upstream: Upstream  # names that are not in `tasks` are done
    seconds: Seconds  # last durations
    elapsed: Seconds = field(default_factory=dict)  # of the tasks that are running


def always(_: Task, __: Collection[Task]) -> bool:
    """Let every task start: with as many workers as there are tasks."""
    return True


def estimate(work: Work, can_start: CanStart) -> Estimate:
    """Simulate the scheduler, and return when each task would run.

    Raises:
        ValueError: a task cannot start even alone, or the tasks wait for each other.
    """
    unknown = [task.name for task in work.tasks if task.name not in work.seconds]
    simulation = _Simulation(work, can_start)
    spans = simulation.run()
    return Estimate(tuple(spans), tuple(unknown))


def path_seconds(work: Work) -> dict[str, float]:
    """Return the seconds from the start of each task to the end of the longest path behind it."""
    downstream = _downstream(work)
    paths: dict[str, float] = {}
    for task in reversed(work.tasks):
        behind = 0.0
        for name in downstream[task.name]:
            behind = max(behind, paths[name])
        seconds = work.seconds.get(task.name, 0.0)
        paths[task.name] = seconds + behind
    return paths


def critical_path(work: Work) -> list[str]:
    """Return the chain of tasks that takes longest however many run side by side, first to last."""
    downstream = _downstream(work)
    paths = path_seconds(work)
    chain: list[str] = []
    candidates: Collection[str] = [task.name for task in work.tasks]
    while candidates:
        longest = max(candidates, key=lambda name: paths[name])
        chain.append(longest)
        candidates = downstream[longest]
    return chain


def _downstream(work: Work) -> dict[str, list[str]]:
    """Return the names of the tasks that wait for each task."""
    downstream: dict[str, list[str]] = {}
    for task in work.tasks:
        downstream[task.name] = []
    for name, upstream in _open_upstream(work).items():
        for upstream_name in upstream:
            downstream[upstream_name].append(name)
    return downstream


def _open_upstream(work: Work) -> dict[str, list[str]]:
    """Return the names of the tasks of the work that each of them waits for."""
    names = {task.name for task in work.tasks}
    upstream: dict[str, list[str]] = {}
    for task in work.tasks:
        all_upstream = work.upstream.get(task.name, ())
        upstream[task.name] = [name for name in all_upstream if name in names]
    return upstream


class _Simulation:
    """A clock, the tasks that run at its time, and those that wait."""

    def __init__(self, work: Work, can_start: CanStart) -> None:
        self._work = work
        self._can_start = can_start
        self._now = 0.0
        self._running: dict[str, Task] = {}
        self._ends: list[tuple[float, str]] = []  # heap
        self._spans: list[Span] = []
        self._downstream = _downstream(work)
        upstream = _open_upstream(work)
        self._missing: dict[str, int] = {}  # inputs to come
        for name, names in upstream.items():
            self._missing[name] = len(names)
        order = policy.in_order(work.tasks, path_seconds(work))
        self._waiting: dict[str, Task] = {}
        for task in order:
            if task.name not in work.elapsed:
                self._waiting[task.name] = task

    def run(self) -> list[Span]:
        """Let all tasks run, and return their spans."""
        for task in self._work.tasks:
            elapsed = self._work.elapsed.get(task.name)
            if elapsed is not None:
                self._start(task, elapsed)
        self._start_ready()
        while self._ends:
            self._now, name = heapq.heappop(self._ends)
            del self._running[name]
            for waiting in self._downstream[name]:
                self._missing[waiting] -= 1
            self._start_ready()
        if self._waiting:
            names = ", ".join(self._waiting)
            raise ValueError(f"{names}: can never start")
        return self._spans

    def _start_ready(self) -> None:
        ready = [task for name, task in self._waiting.items() if not self._missing[name]]
        for task in ready:
            running = self._running.values()
            if self._can_start(task, running):
                del self._waiting[task.name]
                self._start(task, elapsed=0.0)

    def _start(self, task: Task, elapsed: float) -> None:
        seconds = self._work.seconds.get(task.name, 0.0)
        remaining = max(0.0, seconds - elapsed)
        end = self._now + remaining
        self._running[task.name] = task
        heapq.heappush(self._ends, (end, task.name))
        span = Span(task, self._now, end)
        self._spans.append(span)
