"""The bars of a chart, from scripted events."""

from dataclasses import replace

from edgebake.cli.build_timeline import TimelineRecorder
from edgebake.execution.events import Blocked, Event, Failed, Finished, Restored, Started, Unchanged
from edgebake.report.timeline import Bar, Timeline
from tests.cli.scripted_build import PLANNED, outcome, task

EVENTS: list[Event] = [
    PLANNED,
    Unchanged(task("plan"), 0.1),
    Restored(task("data@digits"), 1.0),
    Started(task("train@ds_cnn"), 1.0),
    Started(task("train@mobilenet"), 1.5),
    Finished(task("train@mobilenet"), outcome(4.0), 6.0),
    Finished(task("train@ds_cnn"), outcome(10.0), 11.5),
    Started(task("quantize@ds_cnn-int8"), 12.0),
    Failed(task("quantize@ds_cnn-int8"), outcome(3.0, code=1), 15.0),
    Blocked(task("package@android"), "quantize@ds_cnn-int8", 15.0),
]
QUANTIZED = Bar("quantize@ds_cnn-int8", "quantize", "this machine", 12.0, 15.0, is_failed=True)
TRAINED = Bar("train@ds_cnn", "train", "this machine", 1.0, 11.0, is_critical=True)


def _recorded(*events: Event) -> Timeline:
    recorder = TimelineRecorder()
    for event in events:
        recorder(event)
    return recorder.timeline()


def test_a_chart_has_the_stages_that_ran_and_counts_the_others() -> None:
    assert _recorded(*EVENTS) == Timeline(
        bars=[
            Bar("train@mobilenet", "train", "this machine", 1.5, 5.5),
            TRAINED,
            replace(QUANTIZED, is_critical=True),
        ],
        seconds=15.0,
        counts={"unchanged": 1, "restored from the run cache": 1, "not run": 1},
    )


def test_stages_of_an_earlier_plan_of_the_same_build_stay() -> None:
    """As in a search of `quantize: auto`, whose next candidate is planned and built again."""
    timeline = _recorded(*EVENTS, PLANNED, Unchanged(task("plan"), 20.0))
    assert len(timeline.bars) == 3
    assert timeline.seconds == 20.0
    assert timeline.counts == {"unchanged": 1, "restored from the run cache": 0, "not run": 0}


def test_a_build_in_which_nothing_ran_has_no_bars() -> None:
    assert _recorded(PLANNED).bars == []
