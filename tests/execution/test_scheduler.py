"""The walk over the graph: what runs side by side, what waits, and what a failure leaves undone."""

import threading
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest

from edgebake.errors import EdgebakeError
from edgebake.execution import events
from edgebake.execution.dvc_repo import DvcError, Node, State
from edgebake.execution.events import Event
from edgebake.execution.policy import Limits
from edgebake.execution.scheduler import Scheduler
from edgebake.execution.task import Outcome, Task
from edgebake.terminal.progress import Progress, Sink

GRAPH = {
    "plan": (),
    "train@a": ("plan",),
    "train@b": ("plan",),
    "convert@a": ("train@a",),
    "convert@b": ("train@b",),
    "proof@linux": ("convert@a", "convert@b"),
}
ANY = Limits(jobs=2, memory_gb=100.0)


@dataclass
class FakeProject:
    """A project whose record is a table of states."""

    states: dict[str, State] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()  # tasks whose outputs DVC misses
    finished: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    writes: list[tuple[str, ...]] = field(default_factory=list)
    is_dirty: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, upstream in GRAPH.items():
            self.nodes[name] = Node(name, "", (), (), (), upstream)

    def start(self, name: str) -> State:
        return self.states.get(name, State.TO_RUN)

    def finish(self, name: str) -> None:
        if name in self.incomplete:
            raise DvcError("dvc: output 'x' does not exist")
        self.finished.append(name)
        self.is_dirty = True

    def abandon(self, name: str) -> None:
        self.abandoned.append(name)

    def write_lock(self) -> None:
        self.writes.append(tuple(self.finished))
        self.is_dirty = False


@dataclass
class FakePool:
    """A pool whose tasks end when the test says so, or at once."""

    limits: Limits = ANY
    codes: dict[str, int] = field(default_factory=dict)
    spans: list[frozenset[str]] = field(default_factory=list)  # what ran at each start
    running: dict[str, Future[Outcome]] = field(default_factory=dict)
    gate: threading.Barrier | None = None

    def can_start(self, task: Task, running: Collection[Task]) -> bool:
        return self.limits.allow(task, running)

    def start(self, task: Task, show: Sink) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        self.running[task.name] = future
        self.spans.append(frozenset(self.running))
        show(Progress(1, 2, "epochs"))
        threading.Timer(0.05, self._end, (task, future)).start()
        return future

    def _end(self, task: Task, future: Future[Outcome]) -> None:
        del self.running[task.name]
        code = self.codes.get(task.name, 0)
        future.set_result(Outcome(code, 0.05, f"{task.name}\n", "process 1"))

    def close(self) -> None:
        pass


def _tasks(*quiet: str) -> dict[str, Task]:
    tasks = {}
    for name in GRAPH:
        stage, _, variant = name.partition("@")
        tasks[name] = Task(name, stage, variant, (stage, variant), quiet=name in quiet)
    return tasks


TaskEvent = (
    events.Started
    | events.Progressed
    | events.Finished
    | events.Unchanged
    | events.Restored
    | events.Failed
    | events.Blocked
)


def _of_tasks(seen: Iterable[Event]) -> list[TaskEvent]:
    return [event for event in seen if not isinstance(event, events.Planned)]


@dataclass
class Walk:
    """One walk of a scheduler over GRAPH."""

    project: FakeProject = field(default_factory=FakeProject)
    pool: FakePool = field(default_factory=FakePool)
    quiet: tuple[str, ...] = ()
    plan: Callable[[], str] = lambda: ""
    durations: dict[str, float] = field(default_factory=dict)
    fail_fast: bool = False
    events: list[Event] = field(default_factory=list)

    def run(self) -> bool:
        scheduler = Scheduler(
            project=self.project,  # type: ignore[arg-type]
            tasks=_tasks(*self.quiet),
            pool=self.pool,
            own_tasks={"plan": self.plan},
            observers=[self.events.append],
            durations=self.durations,
            fail_fast=self.fail_fast,
        )
        return scheduler.run()

    def names(self, kind: type) -> list[str]:
        return [event.task.name for event in _of_tasks(self.events) if isinstance(event, kind)]


def test_every_task_runs_after_its_inputs() -> None:
    walk = Walk()
    assert walk.run()
    position = {name: index for index, name in enumerate(walk.project.finished)}
    assert set(position) == set(GRAPH)
    for name, upstream in GRAPH.items():
        assert all(position[other] < position[name] for other in upstream)


def test_tasks_without_common_inputs_run_side_by_side() -> None:
    walk = Walk()
    walk.run()
    assert {"train@a", "train@b"} in walk.pool.spans
    assert max(len(span) for span in walk.pool.spans) == 2


def test_one_job_runs_one_task_at_a_time() -> None:
    walk = Walk(pool=FakePool(Limits(jobs=1, memory_gb=100.0)))
    walk.run()
    assert {len(span) for span in walk.pool.spans} == {1}


def test_a_quiet_task_runs_alone() -> None:
    walk = Walk(quiet=("convert@a",))
    walk.run()
    spans = [span for span in walk.pool.spans if "convert@a" in span]
    assert spans == [{"convert@a"}]


def test_the_longest_path_starts_first() -> None:
    walk = Walk(
        pool=FakePool(Limits(jobs=1, memory_gb=100.0)), durations={"train@a": 1, "convert@b": 60}
    )
    walk.run()
    assert walk.project.finished[1] == "train@b"


def test_without_durations_the_task_with_most_tasks_behind_it_starts_first() -> None:
    walk = Walk(pool=FakePool(Limits(jobs=1, memory_gb=100.0)), durations={"convert@a": 0.5})
    walk.run()
    assert walk.project.finished == [
        "plan",
        "train@b",
        "train@a",
        "convert@b",
        "convert@a",
        "proof@linux",
    ]


def test_unchanged_and_restored_tasks_do_not_run() -> None:
    states = {"train@a": State.UNCHANGED, "train@b": State.RESTORED}
    walk = Walk(FakeProject(states))
    assert walk.run()
    assert walk.names(events.Unchanged) == ["train@a"]
    assert walk.names(events.Restored) == ["train@b"]
    assert "train@a" not in walk.names(events.Started)


def test_what_does_not_depend_on_a_failure_is_still_built() -> None:
    walk = Walk(pool=FakePool(codes={"train@a": 1}))
    assert not walk.run()
    assert walk.names(events.Failed) == ["train@a"]
    blocked = {event.task.name: event.by for event in _blocked(walk.events)}
    assert blocked == {"convert@a": "train@a", "proof@linux": "train@a"}
    assert walk.project.finished == ["plan", "train@b", "convert@b"]
    assert walk.project.abandoned == ["train@a"]


def _blocked(seen: Iterable[Event]) -> list[events.Blocked]:
    return [event for event in seen if isinstance(event, events.Blocked)]


def test_fail_fast_starts_nothing_after_a_failure() -> None:
    walk = Walk(
        pool=FakePool(Limits(jobs=1, memory_gb=100.0), codes={"train@a": 1}), fail_fast=True
    )
    assert not walk.run()
    assert walk.names(events.Started) == ["plan", "train@a"]
    assert set(walk.project.abandoned) == {"train@a", "train@b"}


def test_a_missing_output_is_a_failure_of_its_task() -> None:
    walk = Walk(FakeProject(incomplete=frozenset({"convert@a"})))
    assert not walk.run()
    (failed,) = [event for event in walk.events if isinstance(event, events.Failed)]
    assert failed.task.name == "convert@a"
    assert failed.outcome.output == "convert@a\ndvc: output 'x' does not exist\n"


def test_the_record_is_complete_before_the_proof_reads_it() -> None:
    walk = Walk()
    walk.run()
    assert set(walk.project.writes[-1]) == set(GRAPH) - {"proof@linux"}


def test_a_task_of_the_build_itself_fails_with_its_message() -> None:
    def plan() -> str:
        raise EdgebakeError("params.yaml: the variants of the release changed")

    walk = Walk(plan=plan)
    assert not walk.run()
    (failed,) = [event for event in walk.events if isinstance(event, events.Failed)]
    assert failed.outcome.output == "edgebake: params.yaml: the variants of the release changed\n"
    assert len(_blocked(walk.events)) == 5


def test_progress_comes_in_order() -> None:
    walk = Walk()
    walk.run()
    kinds = [type(event) for event in _of_tasks(walk.events) if event.task.name == "train@a"]
    assert kinds == [events.Started, events.Progressed, events.Finished]


def test_an_error_of_the_pool_ends_the_walk() -> None:
    class Broken(FakePool):
        def start(self, _: Task, __: Sink) -> Future[Outcome]:
            future: Future[Outcome] = Future()
            future.set_exception(EdgebakeError("the server ended"))
            return future

    with pytest.raises(EdgebakeError, match="the server ended"):
        Walk(pool=Broken()).run()
