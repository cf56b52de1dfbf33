"""Run the tasks of a build on the workers of a Dask scheduler.

A worker gets a task with the hashes of its inputs, which are sent to DVC's remote before, and
answers with those of its outputs, which are fetched from there. DVC's record is written by the
build alone. A task whose worker ends goes to another one, at most twice.
"""

import threading
import time
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from edgebake.errors import EdgebakeError, HostError
from edgebake.execution import resources
from edgebake.execution.cluster import worker
from edgebake.execution.cluster.membership import Membership
from edgebake.execution.cluster.orders import Answer, Order, Report
from edgebake.execution.cluster.placement import Placement, WorkerFacts
from edgebake.execution.cluster.shipment import Shipment
from edgebake.execution.task import Outcome, Pool, Task
from edgebake.terminal.progress import Progress

MAX_DEATHS = 3  # of workers that ran one task
INTERVAL = 0.2  # seconds between two looks at a worker
CLOSE_PATIENCE = 10.0  # seconds
PATIENCE = 30.0  # seconds to wait for a worker that can serve a task
MAX_THREADS = 1000  # tasks at a time


@dataclass
class ClusterPool:
    """The workers of one build."""

    client: Any  # of Dask
    membership: Membership
    placement: Placement
    shipment: Shipment
    local_pool: Pool  # for tasks that only this machine can run
    show: Callable[[str], None]  # prints one line
    finished: list[tuple[Order, Answer]] = field(default_factory=list)
    _shows: dict[str, Callable[[Progress], None]] = field(default_factory=dict)
    _logs: dict[str, str] = field(default_factory=dict)  # last lines by task
    _is_closed: threading.Event = field(default_factory=threading.Event)
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(MAX_THREADS, "task")
    )
    build: str = field(default_factory=lambda: f"edgebake-{uuid.uuid4().hex}")

    def __post_init__(self) -> None:
        """Listen to what the workers tell."""
        self.client.subscribe_topic(self.build, self._hear)

    def can_start(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether a worker is free for a task.

        With nothing running, it waits for one: nothing else would end the wait.

        Raises:
            HostError: no worker can serve the task, or the scheduler is gone.
        """
        self.membership.check()
        if task.is_local:
            here = [running_task for running_task in running if running_task.is_local]
            return self.local_pool.can_start(task, here)
        if running:
            return self.placement.is_free_for(task)
        self._wait_for_able_worker(task)
        return True

    def start(self, task: Task, show: Callable[[Progress], None]) -> Future[Outcome]:
        """Run a task on a worker, or here if only this machine can."""
        if task.is_local:
            return self.local_pool.start(task, show)
        self._shows[task.name] = show
        return self._threads.submit(self._run, task, self.placement.take(task))

    def last_lines(self, task: str) -> str:
        """Return the last lines of a task's log that a worker has told."""
        return self._logs.get(task, "")

    def close(self) -> None:
        """End the tasks that still run, and leave the scheduler."""
        self._is_closed.set()
        self.local_pool.close()
        addresses = [facts.address for facts in self.placement.workers]
        self.membership.close()
        if self.placement.is_busy and addresses:
            self.client.run(
                worker.end_tasks, self.build, workers=addresses, wait=False, on_error="ignore"
            )
        self._threads.shutdown(wait=False, cancel_futures=True)
        with suppress(OSError):  # the scheduler is gone, or too busy to say goodbye
            self.client.close(timeout=CLOSE_PATIENCE)

    def run_on(self, order: Order, facts: WorkerFacts) -> Answer | None:
        """Run an order on a worker that was taken for it; None if the worker ended meanwhile.

        Raises:
            HostError: the build is over.
        """
        task = order.task
        needs = {resources.SLOTS: 1.0, **task.resources}
        if task.quiet:
            needs[resources.SLOTS] = facts.slots
        future = self.client.submit(
            worker.run_order,
            order,
            workers=[facts.address],
            allow_other_workers=False,
            resources=needs,
            pure=False,
            key=f"{task.name}-{uuid.uuid4().hex}",
        )
        try:
            while not future.done():
                if self._is_closed.wait(INTERVAL):
                    raise HostError(f"{task.name}: the build is over")
                self.membership.check()
                if not self.placement.has(facts.address):
                    return None
            return self._answer(future)
        finally:
            future.release()
            self.placement.give_back(task, facts.address)

    @staticmethod
    def _answer(future: Any) -> Answer | None:
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        try:
            answer: Answer = future.result()
        except (KilledWorker, FutureCancelledError):
            return None
        return answer

    def _run(self, task: Task, facts: WorkerFacts | None) -> Outcome:
        """Run a task on one worker after the other until one answers."""
        order = self.shipment.pack(self.build, task)
        deaths: list[WorkerFacts] = []
        while True:
            if facts is None:
                facts = self._next_worker(task, deaths)
            answer = self.run_on(order, facts)
            if answer is not None:
                break
            deaths.append(facts)
            if len(deaths) == MAX_DEATHS:
                raise HostError(self._killed(task, deaths))
            self.show(
                f"{task.name}: {facts.name} ended while it ran it, "
                f"{len(deaths)} of {MAX_DEATHS} times; it runs again on another worker"
            )
            facts = None
        return self._accept(order, answer)

    def _accept(self, order: Order, answer: Answer) -> Outcome:
        """Take the outputs of a task into the project."""
        try:
            self.shipment.unpack(order, answer)
        except EdgebakeError as error:
            text = f"{answer.outcome.output}edgebake: {error}\n"
            return Outcome(1, answer.outcome.seconds, text, answer.outcome.worker)
        if not answer.outcome.code:
            self.finished.append((order, answer))
        return answer.outcome

    def _next_worker(self, task: Task, deaths: list[WorkerFacts]) -> WorkerFacts:
        avoided = {facts.address for facts in deaths}
        while True:
            self._wait_for_able_worker(task)
            facts = self.placement.take(task, avoided)
            if facts is not None:
                return facts
            if self._is_closed.wait(INTERVAL):
                raise HostError(f"{task.name}: the build is over")

    def _wait_for_able_worker(self, task: Task) -> None:
        """Wait until a worker is there that can serve a task.

        Raises:
            HostError: there is none for too long.
        """
        deadline = time.monotonic() + PATIENCE
        while not self.placement.can_ever_serve(task):
            self.membership.check()
            if time.monotonic() > deadline:
                raise HostError(self._unserved(task))
            if self._is_closed.wait(INTERVAL):
                raise HostError(f"{task.name}: the build is over")

    def _unserved(self, task: Task) -> str:
        workers = ", ".join(str(facts) for facts in self.placement.workers) or "none"
        if not task.resources:
            return f"{task.name}: no worker for {PATIENCE:.0f} s; workers: {workers}; expected one"
        needs = resources.shown(task.resources)
        return (
            f"{task.name}: needs {needs}, which no worker has; workers: {workers}; "
            f"expected one: `edgebake worker ADDRESS --resources {needs}`"
        )

    def _killed(self, task: Task, deaths: list[WorkerFacts]) -> str:
        names = ", ".join(facts.name for facts in deaths)
        log = self.last_lines(task.name).strip() or "(nothing)"
        return (
            f"{task.name}: {MAX_DEATHS} workers ended while they ran it: {names}; "
            f"expected one of them to survive it. The last lines of its log:\n{log}"
        )

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take a worker's report of a running task."""
        _, message = event
        if not isinstance(message, dict) or "task" not in message:
            return
        report = Report.from_message(message)
        if report.log:
            self._logs[report.task] = report.log
        if report.progress is not None and report.task in self._shows:
            self._shows[report.task](report.progress)
