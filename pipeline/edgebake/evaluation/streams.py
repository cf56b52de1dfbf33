"""Rate at which a model hears a class in a stream that holds none: false alarms.

A stream is made of the test examples of some labels, one behind the other. The model hears it clip
by clip, as in an app: a clip begins `hop` samples after the one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.recipe import Listening
from edgebake.tasks import streams
from edgebake.tasks.tensors import ContractInput, Raw

FALSE_ALARMS = "false_alarms_per_hour"  # the metric, and its gate
FILE = "alarms.json"  # of the stage `validate`
SECONDS_OF_AN_HOUR = 3600
CLIP = "clip"  # step that cuts a clip
RATE_KEYS = ("rate", "rate_hz")  # of the first step of an input that can be a stream


@dataclass(frozen=True)
class Stream:
    """A stream, and the clips of it that a model hears."""

    labels: tuple[str, ...]  # of the examples that it is made of
    clips: Sequence[Raw]
    hours: float


@dataclass(frozen=True)
class Alarms:
    """The false alarms in a stream."""

    count: int
    clips: int  # that the model heard
    hours: float

    @property
    def per_hour(self) -> float:
        """Return the rate."""
        return self.count / self.hours


def build(spec: ContractInput, sounds: Sequence[Raw], labels: Sequence[str]) -> Stream:
    """Return the stream of examples in their order.

    Args:
        spec: an input that can be a stream.
        sounds: the examples, samples [n] or [n, channels] each.
        labels: of the examples.
    """
    clip = clip_step(spec)
    arrays = [np.asarray(sound) for sound in sounds]
    whole = np.concatenate(arrays)
    length = clip["samples"]
    last_start = max(0, len(whole) - length)
    clips = []
    for start in range(0, last_start + 1, clip["hop"]):
        end = start + length
        clips.append(whole[start:end])
    seconds = len(whole) / _rate(spec)
    hours = seconds / SECONDS_OF_AN_HOUR
    return Stream(tuple(labels), clips, hours)


def clip_step(spec: ContractInput) -> dict[str, Any]:
    """Return the step that says how long a clip is, and when the next begins."""
    clip_steps = [step for step in spec.steps if step["step"] == CLIP]
    (step,) = clip_steps
    return step


def count_alarms(
    stream: Stream, probabilities: NDArray[np.float32], classes: Sequence[str], listening: Listening
) -> Alarms:
    """Return how often a class is heard that is none of the stream's labels.

    Args:
        stream: that the model heard.
        probabilities: of its clips, [clips, classes].
        classes: labels of the model.
        listening: how an app listens.
    """
    means = streams.smooth(probabilities, listening.over)
    heard = streams.listen(means, listening.threshold, listening.hold)
    false_alarms = 0
    for answer in heard:
        label = classes[answer.label]
        if label not in stream.labels:
            false_alarms += 1
    return Alarms(false_alarms, len(stream.clips), stream.hours)


def can_be_heard(spec: ContractInput) -> bool:
    """Return whether the steps of an input say what `build` needs: a rate, and one clip."""
    clips = [step for step in spec.steps if step["step"] == CLIP]
    has_clip = len(clips) == 1 and clips[0].keys() >= {"samples", "hop"}
    return has_clip and any(key in spec.steps[0] for key in RATE_KEYS)


def _rate(spec: ContractInput) -> float:
    """Return the samples in a second."""
    first = spec.steps[0]
    rates = [first[key] for key in RATE_KEYS if key in first]
    return float(rates[0])
