"""The state of a build, event by event."""

from edgebake.execution.build_state import BuildState, Phase, TaskState
from edgebake.execution.events import (
    Blocked,
    Failed,
    Finished,
    Progressed,
    Restored,
    Started,
    Unchanged,
)
from edgebake.execution.task import Outcome, Task
from edgebake.terminal.progress import Progress
from tests.cli.scripted_build import PLANNED, outcome, task

TRAIN = task("train@ds_cnn")
TRAINED = Outcome(0, 10.0, "done\n", "gpu-1")
PROGRESS = Progress(12, 30, "epochs")


def _phases(state: BuildState) -> dict[str, Phase]:
    """Return the phase of each task that does not wait."""
    return {
        name: each.phase for name, each in state.tasks.items() if each.phase is not Phase.waiting
    }


def test_planned_tasks_wait() -> None:
    state = BuildState()
    state(PLANNED)
    assert _phases(state) == {}
    assert state.count(Phase.waiting) == len(state.tasks) == 8


def test_each_event_moves_its_task_on() -> None:
    state = BuildState()
    state(PLANNED)
    state(Started(TRAIN, 1.0))
    state(Progressed(TRAIN, PROGRESS, 5.0))
    running = TaskState(TRAIN, Phase.running, started_at=1.0, progress=PROGRESS)
    assert state.tasks[TRAIN.name] == running
    state(Finished(TRAIN, TRAINED, 11.0))
    assert state.tasks[TRAIN.name] == TaskState(
        TRAIN, Phase.finished, started_at=1.0, ended_at=11.0, progress=PROGRESS, outcome=TRAINED
    )
    assert state.at == 11.0


def test_every_way_to_end_has_its_phase() -> None:
    state = BuildState()
    state(PLANNED)
    state(Unchanged(task("plan"), 1.0))
    state(Restored(task("data@digits"), 2.0))
    state(Failed(TRAIN, outcome(1.0, code=1), 3.0))
    state(Blocked(task("package@android"), TRAIN.name, 3.0))
    assert _phases(state) == {
        "plan": Phase.unchanged,
        "data@digits": Phase.restored,
        "train@ds_cnn": Phase.failed,
        "package@android": Phase.blocked,
    }
    assert list(state.blocked_by(TRAIN.name)) == ["package@android"]
    assert list(state.blocked_by("plan")) == []


def test_a_task_waits_for_its_unfinished_inputs() -> None:
    state = BuildState()
    state(PLANNED)
    package = "package@android"
    assert state.open_upstream(package) == ["validate@ds_cnn-int8-litert-host", "train@mobilenet"]
    state(Unchanged(task("train@mobilenet"), 1.0))
    assert state.open_upstream(package) == ["validate@ds_cnn-int8-litert-host"]
    assert state.open_upstream("plan") == []


def test_an_event_of_another_plan_changes_nothing() -> None:
    state = BuildState()
    state(PLANNED)
    state(Started(Task("train@removed", "train", "removed", ()), 1.0))
    assert _phases(state) == {}


def test_a_copy_stays_as_it_is() -> None:
    state = BuildState()
    state(PLANNED)
    copy = state.copy()
    state(Started(TRAIN, 1.0))
    assert _phases(copy) == {}
    assert copy.at == 0.0
