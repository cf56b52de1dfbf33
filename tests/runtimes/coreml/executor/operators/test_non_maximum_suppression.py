"""Selected boxes, worked out by hand: all are 2 wide and 2 high, and in one row."""

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, real, whole

# Boxes that are shifted by a quarter of their width share 3 of 5 quarters: 0.6. By half of it:
# 1 of 3.
PLACES = [0.0, 0.5, 1.0, 10.0]


def _boxes(places: list[float]) -> Array:
    return np.array([[[position, 0, 2, 2] for position in places]], np.float32)


def _given(overlap: float, limit: int, **options: Argument) -> dict[str, Argument]:
    return {"iou_threshold": overlap, "max_boxes": limit, **options}


def _assert_selects(
    scores: Array, parameters: dict[str, Argument], expected: list[int], count: int
) -> None:
    """Check both orders of axes; what is expected behind the selected boxes is -1."""
    boxes, chosen = _boxes(PLACES), [index for index in expected if index >= 0]
    missing = ((0, len(expected) - len(chosen)), (0, 0))
    answers = [np.pad(value[0, chosen], missing)[None] for value in (boxes, scores)]
    older = (
        parameters if "score_threshold" in parameters else parameters | {"score_threshold": -1e4}
    )
    fed = {"boxes": boxes, "scores": scores}
    assert_computes("non_maximum_suppression", fed, older, *answers, [expected], [count])
    if "score_threshold" not in parameters:
        turned, answers = (
            [np.swapaxes(value, 1, 2) for value in values] for values in (fed.values(), answers)
        )
        newer = dict(zip(fed, turned, strict=True))
        assert_computes("non_maximum_suppression", newer, parameters, *answers, [expected])


@pytest.mark.parametrize(
    ("overlap", "limit", "expected"),
    [
        (0.7, 4, [1, 3, 2, 0]),  # nothing overlaps by that much; best first
        (0.5, 4, [1, 3, -1, -1]),  # 0 and 2 overlap with 1 by 0.6
        (0.5, 1, [1]),
        (0.5, 6, [1, 3, -1, -1, -1, -1]),  # more than there are boxes
        (0.0, 4, [1, 3, -1, -1]),
    ],
)
def test_boxes_that_overlap_with_a_better_one_go(
    overlap: float, limit: int, expected: list[int]
) -> None:
    scores = np.array([[[0.1], [0.9], [0.3], [0.5]]], np.float32)
    _assert_selects(scores, _given(overlap, limit), expected, sum(index >= 0 for index in expected))


def test_a_box_that_is_gone_takes_no_other_with_it() -> None:
    # 1 goes because of 0; 2 overlaps with 0 by a third alone.
    scores = np.array([[[0.9], [0.8], [0.7], [0.6]]], np.float32)
    _assert_selects(scores, _given(0.5, 4), [0, 2, 3, -1], 3)


def test_equal_scores_keep_their_order() -> None:
    _assert_selects(np.full((1, 4, 1), 0.5, np.float32), _given(0.5, 4), [0, 2, 3, -1], 3)


@pytest.mark.parametrize(
    ("threshold", "expected", "count"),
    [
        (0.25, [1, 3, 2, -1], 3),
        (0.5, [1, 3, -1, -1], 2),  # what is not below the threshold stays
        (0.95, [1, -1, -1, -1], 1),  # the best of all stays in any case
    ],
)
def test_low_scores_go(threshold: float, expected: list[int], count: int) -> None:
    scores = np.array([[[0.125], [0.875], [0.25], [0.5]]], np.float32)
    _assert_selects(scores, _given(0.7, 4, score_threshold=threshold), expected, count)


def test_boxes_of_other_classes_compete_unless_told_apart() -> None:
    scores = np.array([[[0.1, 0.6], [0.9, 0.2], [0.7, 0.3], [0.5, 0.4]]], np.float32)
    _assert_selects(scores, _given(0.5, 4), [1, 3, -1, -1], 2)
    # Box 0 is of the second class, in which it is alone.
    _assert_selects(scores, _given(0.5, 4, per_class_suppression=True), [1, 0, 3, -1], 3)
    _assert_selects(scores, _given(0.5, 2, per_class_suppression=True), [1, 0], 2)


def test_each_image_has_boxes_of_its_own() -> None:
    boxes, scores = (
        np.concatenate([_boxes(PLACES), _boxes(PLACES[::-1])]),
        np.array([[4, 3, 2, 1]] * 2, np.float32),
    )
    expected = [[0, 2, 3, -1], [0, 1, 3, -1]]
    chosen = [
        np.stack([np.pad(value[i, row[:3]], ((0, 1), (0, 0))) for i, row in enumerate(expected)])
        for value in (boxes, scores[..., None])
    ]
    parameters = _given(0.5, 4, score_threshold=0.0)
    fed = {"boxes": boxes, "scores": scores[..., None]}
    assert_computes("non_maximum_suppression", fed, parameters, *chosen, expected, [3, 3])


@pytest.mark.parametrize("overlap", [-0.1, 1.1])
def test_an_overlap_that_cannot_be_is_refused(overlap: float) -> None:
    fed = {"boxes": _boxes(PLACES), "scores": np.ones((1, 4, 1), np.float32)}
    outputs = real(1, 1, 4), real(1, 1, 1), whole(1, 1), whole(1)
    reason = refusal(
        "non_maximum_suppression", fed, _given(overlap, 1, score_threshold=0.0), *outputs
    )
    assert reason == "an iou_threshold that is not between 0 and 1"
