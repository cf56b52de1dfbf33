"""Estimates from last durations, by hand: three tasks on one machine, and paths through a graph."""

from collections.abc import Collection

import pytest

from edgebake.execution import estimate
from edgebake.execution.estimate import Work
from edgebake.execution.policy import Limits
from edgebake.execution.task import Task

SECONDS = {"data": 2.0, "train": 10.0, "convert": 3.0, "other": 4.0, "package": 1.0}
UPSTREAM = {"train": ("data",), "convert": ("train",), "package": ("convert", "other")}


def _task(name: str, quiet: bool = False) -> Task:
    return Task(name=name, stage=name, variant="", command=(name,), quiet=quiet)


TASKS = [_task(name) for name in ("data", "train", "other", "convert", "package")]


def _spans(work: Work, jobs: int) -> dict[str, tuple[float, float]]:
    spans = estimate.estimate(work, Limits(jobs, memory_gb=16).allow).spans
    return {span.task.name: (span.start, span.end) for span in spans}


def test_one_at_a_time_is_the_sum() -> None:
    result = estimate.estimate(Work(TASKS, UPSTREAM, SECONDS), Limits(1, memory_gb=16).allow)
    assert result.seconds == 20
    assert result.unknown == ()


def test_two_at_a_time_is_the_longest_path_where_the_rest_fits_beside_it() -> None:
    assert _spans(Work(TASKS, UPSTREAM, SECONDS), 2) == {
        "data": (0, 2),
        "other": (0, 4),
        "train": (2, 12),
        "convert": (12, 15),
        "package": (15, 16),
    }


def test_the_task_with_the_longest_path_behind_it_comes_first() -> None:
    tasks = [_task(name) for name in ("other", "data", "train")]
    spans = _spans(Work(tasks, UPSTREAM, SECONDS), 1)
    assert spans == {"data": (0, 2), "train": (2, 12), "other": (12, 16)}


def test_a_quiet_task_waits_until_it_is_alone_and_lets_none_start() -> None:
    tasks = [_task("data"), _task("other"), _task("validate", quiet=True), _task("convert")]
    seconds = {"data": 1.0, "other": 4.0, "validate": 2.0, "convert": 5.0}
    upstream = {"validate": ("data",), "convert": ("other",)}
    assert _spans(Work(tasks, upstream, seconds), 2) == {
        "data": (0, 1),
        "other": (0, 4),
        "convert": (4, 9),
        "validate": (9, 11),
    }


def test_a_running_task_takes_what_is_left_of_its_last_duration() -> None:
    tasks = [task for task in TASKS if task.name != "data"]
    work = Work(tasks, UPSTREAM, SECONDS, elapsed={"train": 8.0, "other": 30.0})
    assert _spans(work, 2) == {
        "train": (0, 2),
        "other": (0, 0),
        "convert": (2, 5),
        "package": (5, 6),
    }


def test_a_task_that_never_ran_is_named_and_counts_as_nothing() -> None:
    seconds = {name: value for name, value in SECONDS.items() if name != "train"}
    result = estimate.estimate(Work(TASKS, UPSTREAM, seconds), Limits(2, memory_gb=16).allow)
    assert result.unknown == ("train",)
    assert result.seconds == 6


def test_nothing_to_do_takes_no_time() -> None:
    assert estimate.estimate(Work([], {}, {}), Limits(1, memory_gb=16).allow).seconds == 0


def test_tasks_that_can_never_start_are_named() -> None:
    def none(_: Task, __: Collection[Task]) -> bool:
        return False

    with pytest.raises(ValueError, match=r"^data, train: can never start$"):
        estimate.estimate(Work(TASKS[:2], UPSTREAM, SECONDS), none)


def test_the_critical_path_is_the_longest_chain() -> None:
    work = Work(TASKS, UPSTREAM, SECONDS)
    assert estimate.critical_path(work) == ["data", "train", "convert", "package"]
    assert estimate.critical_path(Work(TASKS, UPSTREAM, {**SECONDS, "other": 16})) == [
        "other",
        "package",
    ]
    assert estimate.critical_path(Work([], {}, {})) == []


def test_the_path_behind_a_task_includes_itself() -> None:
    assert estimate.path_seconds(Work(TASKS, UPSTREAM, SECONDS)) == {
        "data": 16,
        "train": 14,
        "convert": 4,
        "other": 5,
        "package": 1,
    }
