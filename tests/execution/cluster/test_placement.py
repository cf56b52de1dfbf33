"""Which worker takes a task."""

from dataclasses import replace

from edgebake.execution.cluster.placement import Placement, WorkerFacts
from edgebake.execution.task import Task

TASK = Task("train@a", "train", "a", ("train", "a"), memory_gb=2.0)
QUIET = Task("validate@a", "validate", "a", ("validate", "a"), quiet=True)
GPU = replace(TASK, name="train@gpu", resources={"GPU": 1.0})
SMALL = WorkerFacts("tcp://10.0.0.1:8000", "small", slots=2, memory_gb=8.0)
LARGE = WorkerFacts("tcp://10.0.0.2:8000", "large", slots=2, memory_gb=8.0, resources={"GPU": 1.0})


def of(*workers: WorkerFacts) -> Placement:
    placement = Placement()
    placement.set_workers(workers)
    return placement


def named(task: Task, name: str) -> Task:
    return replace(task, name=name)


def test_a_task_goes_to_the_worker_with_the_least_to_spare_then_to_the_least_busy() -> None:
    placement = of(LARGE, SMALL, replace(SMALL, address="tcp://10.0.0.3:8000", name="small 2"))
    taken = [placement.take(named(TASK, str(number))) for number in range(7)]
    names = [facts.name if facts else None for facts in taken]
    assert names == ["small", "small 2", "small", "small 2", "large", "large", None]


def test_a_task_that_needs_a_gpu_goes_where_one_is_free() -> None:
    placement = of(SMALL, LARGE)
    assert placement.take(GPU) == LARGE
    assert placement.take(named(GPU, "other")) is None
    placement.give_back(GPU, LARGE.address)
    assert placement.take(named(GPU, "other")) == LARGE
    assert not of(SMALL).can_ever_serve(GPU)


def test_nothing_runs_on_the_other_workers_of_the_machine_of_a_quiet_task() -> None:
    neighbor = replace(SMALL, address="tcp://10.0.0.1:8001", name="neighbor")
    placement = of(SMALL, neighbor)
    assert placement.take(QUIET) is not None
    assert placement.take(TASK) is None
    placement.give_back(QUIET, SMALL.address)
    placement.give_back(QUIET, neighbor.address)
    assert placement.take(TASK) is not None
    assert placement.take(QUIET) is None
    elsewhere = of(SMALL, replace(LARGE, resources={}))
    assert elsewhere.take(QUIET) is not None
    assert elsewhere.take(TASK) is not None


def test_nothing_runs_beside_a_quiet_task() -> None:
    placement = of(SMALL)
    assert placement.take(TASK) == SMALL
    assert placement.take(QUIET) is None
    placement.give_back(TASK, SMALL.address)
    assert placement.take(QUIET) == SMALL
    assert not placement.is_free_for(TASK)
    placement.give_back(QUIET, SMALL.address)
    assert not placement.is_busy


def test_tasks_fit_into_the_memory_of_a_worker_but_one_always_runs() -> None:
    placement = of(replace(SMALL, slots=8, memory_gb=3.0))
    assert placement.take(replace(TASK, memory_gb=5.0)) is not None
    assert placement.take(named(TASK, "other")) is None


def test_a_worker_on_which_a_task_died_gets_it_only_if_no_other_can_serve_it() -> None:
    assert of(SMALL, LARGE).take(TASK, {SMALL.address}) == LARGE
    assert of(SMALL).take(TASK, {SMALL.address}) == SMALL
    placement = of(SMALL, LARGE)
    placement.take(named(QUIET, "busy"), {SMALL.address})
    assert placement.take(TASK, {SMALL.address}) is None


def test_another_kind_of_machine_serves_only_what_asks_for_something_it_has() -> None:
    mac = replace(SMALL, resources={"mac": 1.0}, is_alike=False)
    assert not mac.can_serve(TASK)
    assert mac.can_serve(replace(QUIET, resources={"mac": 1.0}))


def test_a_worker_says_what_it_has() -> None:
    assert str(LARGE) == "large (GPU=1,slots=2)"
