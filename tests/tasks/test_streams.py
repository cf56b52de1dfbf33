"""Answers to a stream: means over clips, and classes that are heard once."""

import numpy as np
import pytest

from edgebake.tasks.streams import Floats, Heard, listen, smooth

YES = (0.1, 0.9)
NO = (0.8, 0.2)
UNSURE = (0.45, 0.55)


def _clips(*probabilities: tuple[float, float]) -> Floats:
    return np.array(probabilities, np.float32)


def test_a_mean_is_over_the_last_clips() -> None:
    means = smooth(_clips((1, 0), (0, 1), (0, 1), (1, 0)), over=2)
    assert means.tolist() == [[1, 0], [0.5, 0.5], [0, 1], [0.5, 0.5]]


def test_the_mean_of_a_single_clip_is_itself() -> None:
    assert smooth(_clips(YES), over=3).tolist() == _clips(YES).tolist()


def test_a_class_is_heard_once_it_was_there_so_many_clips_in_a_row() -> None:
    assert listen(_clips(NO, YES, YES, YES, YES), threshold=0.5, hold=2) == [Heard(2, 1)]


def test_a_class_is_heard_again_after_another_clip() -> None:
    clips = _clips(YES, UNSURE, YES, NO, NO)
    assert listen(clips, threshold=0.6, hold=1) == [Heard(0, 1), Heard(2, 1), Heard(3, 0)]


@pytest.mark.parametrize(("threshold", "heard"), [(0.9, 1), (0.91, 0)])
def test_what_is_less_probable_than_the_threshold_is_not_heard(
    threshold: float, heard: int
) -> None:
    clips = np.array([YES], np.float64).astype(np.float32)
    assert len(listen(clips, np.float32(threshold).item(), hold=1)) == heard
