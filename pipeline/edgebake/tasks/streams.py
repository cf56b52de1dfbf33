"""Answers to a stream, of which a model hears one clip after another: the reference for apps.

Needs NumPy alone. The clips begin `hop` samples apart, as the step `clip` says, so that several of
them hold the same word: the step `smooth` makes one answer of those.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """A class that was heard."""

    clip: int  # number of the clip that decided
    label: int  # number of the class


def smooth(probabilities: Floats, over: int) -> Floats:
    """Return the mean of each clip's probabilities and those before it, [clips, classes].

    Args:
        probabilities: [clips, classes], in the order of time.
        over: number of clips in a mean; at the beginning there are fewer.
    """
    means = np.empty_like(probabilities)
    for clip in range(len(probabilities)):
        first = max(0, clip + 1 - over)
        means[clip] = probabilities[first : clip + 1].mean(axis=0)
    return means


def listen(means: Floats, threshold: float, hold: int) -> list[Heard]:
    """Return the classes that are heard, in the order of time.

    A class is heard once it has been the most probable one, with at least the threshold, in so many
    clips in a row. It is heard again only after a clip in which it was not.

    Args:
        means: of `smooth`, [clips, classes].
        threshold: of a probability, 0 to 1.
        hold: number of clips in a row.
    """
    heard = []
    last = -1
    length = 0
    for clip, probabilities in enumerate(means):
        label = int(probabilities.argmax())
        if probabilities[label] < threshold:
            label = -1  # none
        length = length + 1 if label == last else 1
        last = label
        if label >= 0 and length == hold:
            heard.append(Heard(clip, label))
    return heard
