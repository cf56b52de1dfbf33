"""Which waiting tasks start next: longest path first, within memory, quiet tasks alone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from edgebake.execution.task import Task

UNKNOWN = 1.0  # seconds of a task that never ran here, to order tasks; never shown


@dataclass(frozen=True)
class Limits:
    """How much may run at a time on a machine."""

    jobs: int
    memory_gb: float

    def allow(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether a task may start next to those that are running.

        A task that needs more memory than there is runs alone.
        """
        if not running:
            return True
        if len(running) >= self.jobs or task.quiet:
            return False
        if any(other.quiet for other in running):
            return False
        memory = task.memory_gb + sum(other.memory_gb for other in running)
        return memory <= self.memory_gb


def remaining_seconds(
    tasks: Iterable[Task], upstream: Mapping[str, Collection[str]], durations: Mapping[str, float]
) -> dict[str, float]:
    """Return the seconds from each task's start to the end of the longest path that it begins.

    Args:
        tasks: each after the tasks that it waits for.
        upstream: names of the tasks that each task waits for.
        durations: seconds by name; of a task without one, `UNKNOWN`.
    """
    remaining: dict[str, float] = {}
    for task in tasks:
        remaining[task.name] = durations.get(task.name, UNKNOWN)
    longest_after = dict.fromkeys(remaining, 0.0)
    for task in reversed(list(tasks)):
        remaining[task.name] += longest_after[task.name]
        for name in upstream.get(task.name, ()):
            longest_after[name] = max(longest_after[name], remaining[task.name])
    return remaining


def in_order(waiting: Iterable[Task], remaining: Mapping[str, float]) -> list[Task]:
    """Return waiting tasks in the order in which they should start.

    Quiet tasks come last: each ends the time in which others may run, so they run one after
    another once nothing else can.
    """
    return sorted(waiting, key=lambda task: (task.quiet, -remaining[task.name], task.name))
