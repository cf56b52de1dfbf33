"""Frames of the tree of a build, whole and by their width, on UTF-8 and other terminals."""

import io

from edgebake.cli import build_tree
from edgebake.cli.build_status import remaining_work
from edgebake.cli.build_tree import BuildTree
from edgebake.execution import estimate
from edgebake.execution.build_state import BuildState
from edgebake.execution.estimate import Estimate
from edgebake.execution.events import Finished, Progressed, Restored, Started, Unchanged
from edgebake.execution.policy import Limits
from edgebake.terminal.console import Terminal
from edgebake.terminal.progress import Progress
from tests.cli.scripted_build import LAST, PLANNED, outcome, task

NOW = 20.4
HEAD = [
    "2 of 8 stages done, 1 unchanged, 2 running, 4 waiting",
    "0:20 gone, at least 0:56 left; 1 of unknown duration",
]


def _state() -> BuildState:
    """Return a build in which one training counts epochs and another one does not."""
    state = BuildState()
    for event in (
        PLANNED,
        Unchanged(task("plan"), 0.1),
        Started(task("data@digits"), 0.2),
        Finished(task("data@digits"), outcome(2.1), 2.3),
        Started(task("train@ds_cnn"), 2.4),
        Started(task("train@mobilenet"), 2.5),
        Progressed(task("train@ds_cnn"), Progress(12, 30, "epochs", "accuracy 0.9312"), 20.0),
    ):
        state(event)
    return state


def _frame(width: int, height: int = 40, encoding: str = "utf-8") -> list[str]:
    state = _state()
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)  # raises for other characters
    console = Terminal(
        file=file, width=width, height=height, force_terminal=True, color_system=None
    )
    left = estimate.estimate(remaining_work(state, LAST, NOW), Limits(2, memory_gb=16).allow)
    console.print(BuildTree(state, LAST, left, NOW))
    file.seek(0)
    lines = file.read().splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


def test_a_wide_terminal_shows_bars_counts_notes_and_times() -> None:
    note = "12/30 epochs, accuracy 0.9312"
    assert _frame(120) == [
        *HEAD,
        f"{'train@ds_cnn':56} {'━' * 8:20} {note} 0:18 of 0:43",
        f"{'└─ quantize@ds_cnn-int8':77} {'waits':29}         0:10",
        f"{'   └─ convert@ds_cnn-int8-litert':77} {'waits':29}         0:12",
        f"{'      └─ validate@ds_cnn-int8-litert-host':77} {'waits':29}         0:05",
        f"{'         └─ package@android':77} {'waits':29}         0:04",
        f"{'train@mobilenet':77} {'runs':29}    0:18 of ?",
    ]


def test_at_60_characters_there_is_no_bar() -> None:
    assert _frame(60) == [
        *HEAD,
        "train@ds_cnn                       12/30 epochs 0:18 of 0:43",
        "└─ quantize@ds_cnn-int8            waits                0:10",
        "   └─ convert@ds_cnn-int8-litert   waits                0:12",
        "      └─ validate@ds_cnn-int8-lit… waits                0:05",
        "         └─ package@android        waits                0:04",
        "train@mobilenet                    runs            0:18 of ?",
    ]


def test_a_narrow_terminal_without_utf8_shows_names_and_times_in_ascii() -> None:
    assert _frame(40, encoding="ascii") == [
        "2 of 8 stages done, 1 unchanged, 2 runni",
        "0:20 gone, at least 0:56 left; 1 of unkn",
        "train@ds_cnn                0:18 of 0:43",
        "+- quantize@ds_cnn-int8             0:10",
        "   +- convert@ds_cnn-int8-l         0:12",
        "      +- validate@ds_cnn-in         0:05",
        "         +- package@android         0:04",
        "train@mobilenet                0:18 of ?",
    ]


def test_on_a_low_terminal_the_next_stages_are_shown_and_the_others_counted() -> None:
    frame = _frame(60, height=7)
    assert [line.split()[-1] for line in frame[2:]] == ["0:43", "0:10", "?", "more"]
    assert frame[-1] == "and 1 convert, 1 validate, 1 package more"


def test_a_stage_hangs_below_the_one_that_it_waits_for_the_longest() -> None:
    state = _state()
    last = {**LAST, "train@mobilenet": 500.0}
    left = estimate.estimate(remaining_work(state, last, NOW), Limits(2, memory_gb=16).allow)
    file = io.StringIO()
    Terminal(file=file, width=60, height=40).print(BuildTree(state, last, left, NOW))
    lines = file.getvalue().splitlines()
    assert lines[1].rstrip() == "0:20 gone, about 8:06 left by the last durations"
    assert lines[-2].startswith("train@mobilenet")
    assert lines[-1].startswith("└─ package@android")


def test_what_is_cached_is_counted_in_the_head() -> None:
    state = _state()
    state(Restored(task("train@ds_cnn"), 3.0))
    head, _ = build_tree.head_lines(BuildTree(state, LAST, Estimate((), ()), NOW))
    assert head == ("3 of 8 stages done, 1 unchanged, 1 from the run cache, 1 running, 4 waiting")


def test_with_an_unknown_number_of_workers_the_estimate_is_the_longest_path() -> None:
    last = {**LAST, "train@mobilenet": 30.0}
    left = estimate.estimate(remaining_work(_state(), last, NOW), estimate.always)
    text = build_tree.remaining_text(left, is_lower_bound=True)
    assert text == "at least 0:56 left by the last durations"


def test_without_any_duration_nothing_is_estimated() -> None:
    left = estimate.estimate(remaining_work(_state(), {}, NOW), Limits(2, memory_gb=16).allow)
    assert build_tree.remaining_text(left) == "no duration is known yet"


def test_at_the_end_nothing_is_estimated() -> None:
    assert build_tree.remaining_text(Estimate((), ())) == "nothing left to run"
