"""Events of a build, passed to its observers in the order in which they happen.

Times are seconds since the build's start.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edgebake.execution.task import Outcome, Task
from edgebake.terminal.progress import Progress


@dataclass(frozen=True)
class Planned:
    """The tasks of the build, in an order in which each comes after its inputs."""

    tasks: tuple[Task, ...]
    upstream: dict[str, tuple[str, ...]]  # names of the tasks that each task waits for
    at: float


@dataclass(frozen=True)
class Started:
    """A task's command was started."""

    task: Task
    at: float


@dataclass(frozen=True)
class Progressed:
    """A running task is further than before."""

    task: Task
    progress: Progress
    at: float


@dataclass(frozen=True)
class Finished:
    """A task's command ended with exit code 0, and DVC recorded its outputs."""

    task: Task
    outcome: Outcome
    at: float


@dataclass(frozen=True)
class Unchanged:
    """A task's outputs are those of its inputs already."""

    task: Task
    at: float


@dataclass(frozen=True)
class Restored:
    """A task's outputs were taken from DVC's run cache."""

    task: Task
    at: float


@dataclass(frozen=True)
class Failed:
    """A task's command ended with another exit code than 0, or its outputs are incomplete."""

    task: Task
    outcome: Outcome
    at: float


@dataclass(frozen=True)
class Blocked:
    """A task cannot run because one that it waits for failed."""

    task: Task
    by: str  # name of the failed task
    at: float


Event = Planned | Started | Progressed | Finished | Unchanged | Restored | Failed | Blocked
Observer = Callable[[Event], None]
