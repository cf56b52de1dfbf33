"""Walk DVC's graph: run what changed side by side, in the order of its inputs."""

import queue
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from edgebake.errors import EdgebakeError
from edgebake.execution import estimate, events, policy
from edgebake.execution.dvc_repo import DvcError, Project, State
from edgebake.execution.estimate import Work
from edgebake.execution.events import Event, Observer
from edgebake.execution.task import BUILD_PROCESS, Outcome, Pool, Task
from edgebake.terminal.progress import Progress

WRITE_INTERVAL = 30.0  # seconds between two writes of dvc.lock
# Seconds of a task that never ran here, to order tasks: training takes longest.
TRAINING_STAGES = frozenset({"train", "prune", "baseline"})
UNKNOWN_TRAINING = 60.0
UNKNOWN = 1.0
RECORD_READER = "proof"  # the stage that reads dvc.lock

# Runs a task in the build's own process and returns what it prints.
OwnTask = Callable[[], str]


@dataclass
class Scheduler:
    """One walk over the graph."""

    project: Project
    tasks: Mapping[str, Task]  # by name, each after the tasks that it waits for
    pool: Pool
    own_tasks: Mapping[str, OwnTask]  # by name of the stage
    observers: Iterable[Observer]
    durations: Mapping[str, float]
    fail_fast: bool
    # Of the build, by the clock time.monotonic.
    start: float = field(default_factory=time.monotonic)
    _done: set[str] = field(default_factory=set)
    _blocked: dict[str, str] = field(default_factory=dict)  # task -> the failed one
    _failed: set[str] = field(default_factory=set)
    _waiting: dict[str, Task] = field(default_factory=dict)  # to run, all inputs complete
    _running: dict[str, Task] = field(default_factory=dict)
    _messages: "queue.SimpleQueue[Callable[[], None]]" = field(default_factory=queue.SimpleQueue)
    _written: float = field(default_factory=time.monotonic)

    def run(self) -> bool:
        """Run every task whose inputs changed; return whether none failed."""
        upstream = {}
        for name in self.tasks:
            upstream[name] = self.project.nodes[name].upstream
        tasks = tuple(self.tasks.values())
        seconds = {}
        for task in tasks:
            seconds[task.name] = self.durations.get(task.name, _guess(task))
        work = Work(tasks, upstream, seconds)
        path_seconds = estimate.path_seconds(work)
        self._tell(events.Planned(tasks, upstream, self._now()))
        while True:
            self._compare_ready()
            self._start_waiting(path_seconds)
            if not self._running:
                return not self._failed
            message = self._messages.get()
            message()
            self._write_lock_if_due()

    def _now(self) -> float:
        return time.monotonic() - self.start

    def _tell(self, event: Event) -> None:
        for observer in self.observers:
            observer(event)

    def _is_stopped(self) -> bool:
        return self.fail_fast and bool(self._failed)

    def _compare_ready(self) -> None:
        """Compare each task whose inputs are complete with DVC's record, until none is left."""
        is_changed = True
        while is_changed and not self._is_stopped():
            is_changed = False
            for task in self.tasks.values():
                if self._is_ready(task):
                    self._compare(task)
                    is_changed = True

    def _is_ready(self, task: Task) -> bool:
        name = task.name
        ended = (self._done, self._blocked, self._failed)
        if any(name in names for names in ended):
            return False
        if name in self._waiting or name in self._running:
            return False
        node = self.project.nodes[name]
        return self._done.issuperset(node.upstream)

    def _compare(self, task: Task) -> None:
        try:
            state = self.project.start(task.name)
        except DvcError as error:
            outcome = Outcome(1, 0.0, f"{error}\n", BUILD_PROCESS)
            self._fail(task, outcome)
            return
        if state is State.TO_RUN:
            if task.stage in self.own_tasks:
                self._run_here(task)
            else:
                self._waiting[task.name] = task
            return
        self._done.add(task.name)
        now = self._now()
        if state is State.UNCHANGED:
            self._tell(events.Unchanged(task, now))
        else:
            self._tell(events.Restored(task, now))

    def _run_here(self, task: Task) -> None:
        start = self._now()
        self._tell(events.Started(task, start))
        self._running[task.name] = task
        try:
            run = self.own_tasks[task.stage]
            output = run()
            code = 0
        except EdgebakeError as error:
            output = f"edgebake: {error}\n"
            code = 1
        seconds = self._now() - start
        outcome = Outcome(code, seconds, output, BUILD_PROCESS)
        self._end(task, outcome)

    def _start_waiting(self, path_seconds: Mapping[str, float]) -> None:
        if self._is_stopped():
            self._abandon_waiting()
            return
        waiting = policy.in_order(self._waiting.values(), path_seconds)
        for task in waiting:
            running = self._running.values()
            if not self.pool.can_start(task, running):
                continue
            if task.stage == RECORD_READER and self.project.is_dirty:
                self.project.write_lock()
            del self._waiting[task.name]
            self._running[task.name] = task
            started = events.Started(task, self._now())
            self._tell(started)
            show_progress = self._progress_of(task)
            future = self.pool.start(task, show_progress)
            put_end = self._ended(task)
            future.add_done_callback(put_end)

    def _abandon_waiting(self) -> None:
        for name in self._waiting:
            self.project.abandon(name)
        self._waiting.clear()

    def _progress_of(self, task: Task) -> Callable[[Progress], None]:
        def show(progress: Progress) -> None:
            """Pass progress on, from the thread that reads it to the scheduler's own."""
            event = events.Progressed(task, progress, self._now())
            self._messages.put(lambda: self._tell(event))

        return show

    def _ended(self, task: Task) -> Callable[[Future[Outcome]], None]:
        def put(future: Future[Outcome]) -> None:
            """Let the scheduler's own thread end the task."""
            self._messages.put(lambda: self._end(task, future.result()))

        return put

    def _end(self, task: Task, outcome: Outcome) -> None:
        del self._running[task.name]
        if outcome.code:
            self.project.abandon(task.name)
            self._fail(task, outcome)
            return
        try:
            self.project.finish(task.name)
        except DvcError as error:
            self.project.abandon(task.name)
            output = f"{outcome.output}{error}\n"
            failure = Outcome(1, outcome.seconds, output, outcome.worker)
            self._fail(task, failure)
            return
        self._done.add(task.name)
        finished = events.Finished(task, outcome, self._now())
        self._tell(finished)

    def _fail(self, task: Task, outcome: Outcome) -> None:
        self._failed.add(task.name)
        failed = events.Failed(task, outcome, self._now())
        self._tell(failed)
        unreachable = {task.name}
        for later in self.tasks.values():  # each after those that it waits for
            upstream = self.project.nodes[later.name].upstream
            if unreachable.isdisjoint(upstream):
                continue
            unreachable.add(later.name)
            if later.name not in self._blocked:
                self._blocked[later.name] = task.name
                blocked = events.Blocked(later, task.name, self._now())
                self._tell(blocked)

    def _write_lock_if_due(self) -> None:
        elapsed = time.monotonic() - self._written
        is_due = elapsed > WRITE_INTERVAL
        if is_due and self.project.is_dirty:
            self.project.write_lock()
            self._written = time.monotonic()


def _guess(task: Task) -> float:
    """Return the seconds of a task that never ran here."""
    if task.stage in TRAINING_STAGES:
        return UNKNOWN_TRAINING
    return UNKNOWN
