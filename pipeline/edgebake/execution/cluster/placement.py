"""Choose the worker of a task, by what each has and what runs on it.

Dask's scheduler holds the same limits, for builds that share workers. The choice is made here,
since only here it is known which workers agree with the build and on which a task died.
"""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from edgebake.execution import resources
from edgebake.execution.task import Task


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker has."""

    address: str
    name: str
    slots: int  # tasks at a time
    memory_gb: float
    resources: Mapping[str, float] = field(default_factory=dict)
    is_alike: bool = True  # of the build's kind of system and processor

    @property
    def host(self) -> str:
        """The machine of the worker, which several workers may share."""
        host, _, _ = self.address.rpartition(":")
        return host

    def can_serve(self, task: Task) -> bool:
        """Return whether a task could run here if nothing else did.

        Another kind of machine computes other bytes, so it takes only what asks for something
        that it has, such as a Mac.
        """
        if not self.is_alike and not task.resources:
            return False
        for name, quantity in task.resources.items():
            available = self.resources.get(name, 0.0)
            if available < quantity:
                return False
        return True

    def __str__(self) -> str:
        quantities = {resources.SLOTS: self.slots, **self.resources}
        shown = resources.shown(quantities)
        return f"{self.name} ({shown})"


class Placement:
    """The workers of a build and the tasks on them; used by several threads."""

    def __init__(self) -> None:
        """Begin without workers."""
        self._workers: dict[str, WorkerFacts] = {}
        self._running: dict[str, dict[str, Task]] = {}  # by address and name of the task
        self._lock = threading.Lock()

    @property
    def workers(self) -> list[WorkerFacts]:
        """The workers that are there."""
        with self._lock:
            return list(self._workers.values())

    @property
    def is_busy(self) -> bool:
        """Whether a task runs on a worker."""
        with self._lock:
            return any(self._running.values())

    def set_workers(self, workers: Iterable[WorkerFacts]) -> None:
        """Take the workers that are there now."""
        with self._lock:
            self._workers = {worker.address: worker for worker in workers}

    def has(self, address: str) -> bool:
        """Return whether a worker is there."""
        with self._lock:
            return address in self._workers

    def can_ever_serve(self, task: Task) -> bool:
        """Return whether a worker that is there has what a task needs."""
        return any(worker.can_serve(task) for worker in self.workers)

    def is_free_for(self, task: Task) -> bool:
        """Return whether a worker could start a task now."""
        with self._lock:
            return bool(self._free_for(task, ()))

    def take(self, task: Task, avoided: Collection[str] = ()) -> WorkerFacts | None:
        """Put a task on a worker.

        Args:
            task: what to run.
            avoided: addresses of workers that get it only if no other worker could ever.

        Returns:
            The worker; None if none is free.
        """
        with self._lock:
            free = self._free_for(task, avoided)
            if not free:
                return None
            worker = min(free, key=lambda facts: self._order(facts, task))
            running = self._running.setdefault(worker.address, {})
            running[task.name] = task
            return worker

    def give_back(self, task: Task, address: str) -> None:
        """Take a task off a worker."""
        with self._lock:
            running = self._running.get(address, {})
            running.pop(task.name, None)

    def _free_for(self, task: Task, avoided: Collection[str]) -> list[WorkerFacts]:
        workers = self._workers.values()
        able = [worker for worker in workers if worker.can_serve(task)]
        preferred = [worker for worker in able if worker.address not in avoided]
        candidates = preferred or able
        return [worker for worker in candidates if self._has_room(worker, task)]

    def _has_room(self, worker: WorkerFacts, task: Task) -> bool:
        if not self._is_quiet_enough(worker, task):
            return False
        running = self._running.get(worker.address, {}).values()
        if not running:
            return True
        if len(running) >= worker.slots:
            return False
        used_memory = sum(neighbor.memory_gb for neighbor in running)
        if task.memory_gb + used_memory > worker.memory_gb:
            return False
        for name, quantity in task.resources.items():
            used = sum(neighbor.resources.get(name, 0.0) for neighbor in running)
            if used + quantity > worker.resources[name]:
                return False
        return True

    def _is_quiet_enough(self, worker: WorkerFacts, task: Task) -> bool:
        """Return whether no task on the machine disturbs another one there."""
        on_host = self._tasks_on(worker.host)
        if task.quiet and on_host:
            return False
        return not any(neighbor.quiet for neighbor in on_host)

    def _tasks_on(self, host: str) -> list[Task]:
        """Return the tasks on all workers of a machine."""
        tasks: list[Task] = []
        for worker in self._workers.values():
            if worker.host != host:
                continue
            running = self._running.get(worker.address, {})
            tasks += running.values()
        return tasks

    def _order(self, worker: WorkerFacts, task: Task) -> tuple[int, int, str]:
        """Sort workers: those with nothing to spare first, then the least busy, then by name."""
        unused = set(worker.resources) - set(task.resources)
        spare = len(unused)
        running = self._running.get(worker.address, {})
        busy = len(running)
        return spare, busy, worker.name
