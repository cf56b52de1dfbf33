"""Choose the tasks that start next: longest path first, within memory, quiet tasks alone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from edgebake.execution.task import Task


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
        if any(neighbor.quiet for neighbor in running):
            return False
        memory = task.memory_gb + sum(neighbor.memory_gb for neighbor in running)
        return memory <= self.memory_gb


def in_order(waiting: Iterable[Task], path_seconds: Mapping[str, float]) -> list[Task]:
    """Return waiting tasks in the order in which they should start.

    Args:
        waiting: tasks whose inputs are complete.
        path_seconds: from the start of each task to the end of the longest path behind it.
    """
    # Nothing runs next to a quiet task, so they run one after another once nothing else can.
    return sorted(waiting, key=lambda task: (task.quiet, -path_seconds[task.name], task.name))
