"""False alarms: streams of test examples, clip by clip, and what is heard in them."""

import numpy as np
import pytest

from edgebake.evaluation import streams
from edgebake.recipe import Listening
from edgebake.tasks.tensors import ContractInput, TensorSpec

SPEC = ContractInput(
    name="audio",
    kind="audio",
    tensor=TensorSpec("audio", (4,), "float32"),
    steps=(
        {"step": "sound", "rate": 2, "channels": 1, "format": "pcm16"},
        {"step": "clip", "samples": 4, "hop": 2, "short": "zeros_behind"},
    ),
)
CLASSES = ["noise", "stop", "yes"]
EVERY_CLIP = Listening(labels=["noise"], threshold=0.5, over=1, hold=1)
NOISE = (0.8, 0.1, 0.1)
STOP = (0.1, 0.9, 0.0)


def _stream(*lengths: int) -> streams.Stream:
    numbers = np.arange(sum(lengths), dtype=np.int16)
    sounds = np.split(numbers, np.cumsum(lengths)[:-1])
    return streams.build(SPEC, sounds, ["noise"])


def _alarms(listening: Listening, *probabilities: tuple[float, ...]) -> int:
    heard = np.array(probabilities, np.float32)
    return streams.count_alarms(_stream(6, 6), heard, CLASSES, listening).count


def test_clips_begin_a_hop_apart_and_run_over_the_ends_of_examples() -> None:
    stream = _stream(5, 4)
    assert [clip.tolist() for clip in stream.clips] == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]
    assert stream.hours == pytest.approx(9 / 2 / 3600)


def test_a_stream_shorter_than_a_clip_is_one_clip() -> None:
    assert [clip.tolist() for clip in _stream(3).clips] == [[0, 1, 2]]


def test_a_class_that_the_stream_does_not_hold_is_a_false_alarm() -> None:
    assert _alarms(EVERY_CLIP, NOISE, STOP, STOP, NOISE, STOP) == 2
    assert _alarms(EVERY_CLIP, NOISE, NOISE) == 0


def test_what_is_heard_for_too_few_clips_is_no_alarm() -> None:
    twice = Listening(labels=["noise"], threshold=0.5, over=1, hold=2)
    assert _alarms(twice, STOP, NOISE, STOP, STOP, NOISE) == 1


def test_a_mean_over_clips_hides_a_single_one() -> None:
    smooth = Listening(labels=["noise"], threshold=0.5, over=3, hold=1)
    # The means of `stop` are 0.1, 0.1, 0.37, 0.37.
    assert _alarms(smooth, NOISE, NOISE, STOP, NOISE) == 0


def test_alarms_have_a_rate() -> None:
    heard = np.array([STOP], np.float32)
    alarms = streams.count_alarms(_stream(7200), heard, CLASSES, EVERY_CLIP)
    assert (alarms.count, alarms.hours, alarms.per_hour) == (1, 1.0, 1.0)
