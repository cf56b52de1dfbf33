"""What a build shows while it runs and at its end, from scripted events."""

import io

from edgebake.cli.build_status import BuildStatus
from edgebake.execution.events import (
    Blocked,
    Event,
    Failed,
    Finished,
    Progressed,
    Restored,
    Started,
    Unchanged,
)
from edgebake.execution.policy import Limits
from edgebake.execution.task import Outcome
from edgebake.terminal.console import Terminal
from edgebake.terminal.progress import Progress
from tests.cli.scripted_build import LAST, PLANNED, outcome, task

TRAINED = "train ds_cnn: validation accuracy 0.9421\n"
GOOD: list[Event] = [
    PLANNED,
    Unchanged(task("plan"), 0.1),
    Restored(task("data@digits"), 0.3),
    Started(task("train@ds_cnn"), 0.4),
    Started(task("train@mobilenet"), 0.5),
    Progressed(task("train@ds_cnn"), Progress(12, 30, "epochs"), 20.0),
    Finished(task("train@ds_cnn"), outcome(43.2, TRAINED), 43.6),
]
PRINTED = "".join(f"line {number}\n" for number in range(1, 15))
BAD: list[Event] = [
    *GOOD,
    Failed(task("train@mobilenet"), outcome(50.1, PRINTED, code=1), 50.6),
    Blocked(task("package@android"), "train@mobilenet", 50.6),
]
PLAIN = (
    "data@digits: restored from the run cache\ntrain ds_cnn: validation accuracy 0.9421 (43 s)\n"
)


def _shown(events: list[Event], is_terminal: bool = False) -> tuple[str, str]:
    """Return what is printed while a build runs, and of its failures."""
    file = io.StringIO()
    console = Terminal(
        file=file, width=100, height=40, force_terminal=is_terminal, color_system=None
    )
    status = BuildStatus(console, LAST, Limits(2, memory_gb=16).allow)
    with status:
        for event in events:
            status(event)
    running = file.getvalue()
    status.print_failures()
    return running, file.getvalue().removeprefix(running)


def test_plain_lines_name_each_stage_that_ran_and_sum_up() -> None:
    running, failures = _shown(GOOD)
    assert running == (
        f"{PLAIN}8 stages in 44 s: 1 ran, 1 unchanged, 1 restored from the run cache, 1 stopped, "
        "4 not started\n"
    )
    assert failures == ""


def test_the_last_lines_of_a_failed_stage_come_last() -> None:
    running, failures = _shown(BAD)
    assert running == (
        f"{PLAIN}train@mobilenet: failed with exit code 1 after 50 s\n"
        "8 stages in 51 s: 1 ran, 1 unchanged, 1 restored from the run cache, 1 failed, "
        "1 not run, because a stage before them failed, 3 not started\n"
    )
    last_lines = "".join(f"  line {number}\n" for number in range(3, 15))
    assert failures == (
        "\ntrain@mobilenet failed with exit code 1 after 50 s:\n"
        f"  ... 2 lines before these\n{last_lines}"
        "  not run because of it: package@android\n"
    )


def test_a_stage_that_a_signal_ended_names_the_signal() -> None:
    killed = Failed(task("train@mobilenet"), outcome(5.0, code=-9), 6.0)
    _, failures = _shown([PLANNED, killed])
    assert failures == (
        "\ntrain@mobilenet was ended by SIGKILL after 5.0 s:\n  it printed nothing\n"
    )


def test_a_stage_of_a_cluster_names_its_worker() -> None:
    finished = Finished(task("plan"), Outcome(0, 4.0, "plan: done\n", "gpu-1"), 4.0)
    failed = Failed(task("data@digits"), Outcome(1, 5.0, "no\n", "gpu-2"), 9.0)
    running, failures = _shown([PLANNED, finished, failed])
    assert running.startswith(
        "plan: done (4.0 s on gpu-1)\ndata@digits: failed with exit code 1 after 5.0 s on gpu-2\n"
    )
    assert failures == "\ndata@digits failed with exit code 1 after 5.0 s on gpu-2:\n  no\n"


def test_many_stages_that_did_not_run_are_counted() -> None:
    names = ("quantize@ds_cnn-int8", "convert@ds_cnn-int8-litert", "package@android", "plan")
    blocked = [Blocked(task(name), "train@ds_cnn", 2.0) for name in names]
    failed = Failed(task("train@ds_cnn"), outcome(1.0, "no\n", code=1), 2.0)
    _, failures = _shown([PLANNED, failed, *blocked])
    assert failures.endswith(
        "\n  not run because of it: plan, quantize@ds_cnn-int8, convert@ds_cnn-int8-litert "
        "and 1 more\n"
    )


def test_what_a_stage_printed_cannot_act_on_the_terminal() -> None:
    printed = "a\x1b[2Jb\n"
    running, failures = _shown(
        [
            PLANNED,
            Finished(task("plan"), outcome(1.0, printed), 1.0),
            Failed(task("data@digits"), outcome(1.0, printed, code=1), 2.0),
        ]
    )
    assert running.startswith("a\\x1b[2Jb (1.0 s)\n")
    assert "\n  a\\x1b[2Jb\n" in failures


def test_notes_of_a_stage_come_before_its_line() -> None:
    finished = Finished(task("plan"), outcome(1.0, "a note\n\nplan: done\n"), 1.0)
    running, _ = _shown([PLANNED, finished])
    assert running.startswith("a note\nplan: done (1.0 s)\n")


def test_a_stage_that_printed_nothing_has_a_line() -> None:
    running, _ = _shown([PLANNED, Finished(task("plan"), outcome(1.0), 1.0)])
    assert running.startswith("plan: done (1.0 s)\n")


def test_a_terminal_shows_the_tree_while_the_build_runs_and_then_only_the_lines() -> None:
    frames, failures = _shown(BAD, is_terminal=True)
    assert "planning" in frames
    assert failures.startswith("\ntrain@mobilenet failed")
    assert "4 of 8 stages done" in frames or "3 of 8 stages done" in frames
    *_, end = frames.split("\x1b[2K")  # the last line of the tree is erased
    assert end.startswith("8 stages in 51 s") or "8 stages in 51 s" in end


def test_without_events_nothing_is_summed_up() -> None:
    assert _shown([]) == ("", "")


def test_a_second_plan_starts_anew() -> None:
    """As in a search of `quantize: auto`, whose next candidate is planned and built again."""
    running, failures = _shown([*BAD, PLANNED, Unchanged(task("plan"), 60.0)])
    assert running.endswith("8 stages in 1 min 0 s: 1 unchanged, 7 not started\n")
    assert failures == ""
