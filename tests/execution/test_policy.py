"""What may run side by side, and what starts first."""

import pytest

from edgebake.execution import policy
from edgebake.execution.policy import Limits
from edgebake.execution.task import Task

LIMITS = Limits(jobs=3, memory_gb=8.0)


def _task(name: str, memory_gb: float = 1.0, *, quiet: bool = False) -> Task:
    return Task(name, "train", name, ("train", name), memory_gb=memory_gb, quiet=quiet)


@pytest.mark.parametrize(
    ("task", "running", "allowed"),
    [
        (_task("a"), [_task("b"), _task("c")], True),
        (_task("a"), [_task("b"), _task("c"), _task("d")], False),
        (_task("a", 4.0), [_task("b", 4.0)], True),
        (_task("a", 4.1), [_task("b", 4.0)], False),
        (_task("a", 20.0), [], True),  # nothing else could make room for it
        (_task("a"), [_task("b", 20.0)], False),
        (_task("a", quiet=True), [], True),
        (_task("a", quiet=True), [_task("b")], False),
        (_task("a"), [_task("b", quiet=True)], False),
    ],
)
def test_limits(task: Task, running: list[Task], allowed: bool) -> None:
    assert LIMITS.allow(task, running) is allowed


def test_order() -> None:
    tasks = [_task("a"), _task("b"), _task("c", quiet=True), _task("d")]
    seconds = {"a": 1.0, "b": 5.0, "c": 9.0, "d": 5.0}
    assert [task.name for task in policy.in_order(tasks, seconds)] == ["b", "d", "a", "c"]
