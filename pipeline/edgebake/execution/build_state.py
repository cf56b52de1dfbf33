"""Fold the events of a build into the state of each task."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from edgebake.execution.events import (
    Blocked,
    Event,
    Failed,
    Finished,
    Planned,
    Progressed,
    Restored,
    Started,
    Unchanged,
)
from edgebake.execution.task import Outcome, Task
from edgebake.terminal.progress import Progress


class Phase(Enum):
    """Where a task is."""

    waiting = "waiting"
    running = "running"
    finished = "finished"
    unchanged = "unchanged"
    restored = "restored from the run cache"
    failed = "failed"
    blocked = "not run"


OPEN = (Phase.waiting, Phase.running)


@dataclass(frozen=True)
class TaskState:
    """A task and what became of it so far; times are seconds since the build's start."""

    task: Task
    phase: Phase = Phase.waiting
    started_at: float | None = None
    ended_at: float | None = None
    progress: Progress | None = None
    outcome: Outcome | None = None
    blocked_by: str = ""  # name of the failed task


class BuildState:
    """All tasks of a build; an observer of its events."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskState] = {}  # in the order of the plan
        self.upstream: dict[str, tuple[str, ...]] = {}
        self.at = 0.0  # of the last event

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        self.at = event.at
        if isinstance(event, Planned):
            self.tasks = {task.name: TaskState(task) for task in event.tasks}
            self.upstream = dict(event.upstream)
        elif event.task.name in self.tasks:
            state = self.tasks[event.task.name]
            self.tasks[event.task.name] = _after(state, event)

    def copy(self) -> "BuildState":
        """Return a state that later events do not change."""
        copy = BuildState()
        copy.tasks = dict(self.tasks)
        copy.upstream = self.upstream
        copy.at = self.at
        return copy

    def in_phase(self, *phases: Phase) -> list[TaskState]:
        """Return the tasks that are in one of some phases, in the order of the plan."""
        return [state for state in self.tasks.values() if state.phase in phases]

    def count(self, *phases: Phase) -> int:
        """Return the number of tasks in some phases."""
        return len(self.in_phase(*phases))

    def open_upstream(self, name: str) -> list[str]:
        """Return the names of the unfinished tasks that a task waits for."""
        return [
            upstream
            for upstream in self.upstream.get(name, ())
            if upstream in self.tasks and self.tasks[upstream].phase in OPEN
        ]

    def blocked_by(self, name: str) -> Iterator[str]:
        """Yield the names of the tasks that do not run because a task failed."""
        for state in self.in_phase(Phase.blocked):
            if state.blocked_by == name:
                yield state.task.name


def _after(
    state: TaskState,
    event: Started | Progressed | Finished | Unchanged | Restored | Failed | Blocked,
) -> TaskState:
    """Return the state of a task after an event about it."""
    if isinstance(event, Started):
        return replace(state, phase=Phase.running, started_at=event.at)
    if isinstance(event, Progressed):
        return replace(state, progress=event.progress)
    if isinstance(event, Blocked):
        return replace(state, phase=Phase.blocked, ended_at=event.at, blocked_by=event.by)
    if isinstance(event, Finished | Failed):
        phase = Phase.finished if isinstance(event, Finished) else Phase.failed
        return replace(state, phase=phase, ended_at=event.at, outcome=event.outcome)
    phase = Phase.restored if isinstance(event, Restored) else Phase.unchanged
    return replace(state, phase=phase, ended_at=event.at)
