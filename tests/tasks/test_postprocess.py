"""Post-processing gives the numbers that were worked out by hand."""

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.tasks import postprocess

LABELS = ["cat", "dog", "fox"]


def _floats(*values: Any) -> Any:
    return np.array(values, np.float32)


def test_integers_become_real_values() -> None:
    # (q - z) * s: (127 + 128) / 256, (-128 + 128) / 256, (0 + 128) / 256
    real = postprocess.dequantize(np.array([127, -128, 0], np.int8), 1 / 256, -128)
    assert real.tolist() == [255 / 256, 0.0, 0.5]
    assert real.dtype == np.float32


def test_softmax_shares_one_among_the_classes() -> None:
    # e^0 : e^ln2 : e^ln5 is 1 : 2 : 5 of 8
    result = postprocess.softmax(np.log(_floats(1, 2, 5)))
    assert result.tolist() == pytest.approx([0.125, 0.25, 0.625])


def test_softmax_of_large_logits_does_not_overflow() -> None:
    assert postprocess.softmax(_floats(1000, 1000)).tolist() == [0.5, 0.5]


def test_top_k_is_sorted_and_shows_nothing_below_the_threshold() -> None:
    assert postprocess.top_k(_floats(0.25, 0.625, 0.125), LABELS, 3, 0.25) == [
        {"label": "dog", "probability": 0.625},
        {"label": "cat", "probability": 0.25},
    ]


def test_top_k_of_equals_takes_the_first_class() -> None:
    result = postprocess.top_k(_floats(0.25, 0.375, 0.375), LABELS, 2, 0.0)
    assert [entry["label"] for entry in result] == ["dog", "fox"]


def test_top_k_gives_at_most_k_and_may_give_nothing() -> None:
    assert len(postprocess.top_k(_floats(0.25, 0.25, 0.5), LABELS, 1, 0.0)) == 1
    assert postprocess.top_k(_floats(0.25, 0.25, 0.5), LABELS, 3, 0.75) == []


def test_center_and_size_become_corners() -> None:
    rows = _floats([0.5, 0.5, 0.5, 0.25, 0.9])
    assert postprocess.decode_boxes(rows, "center_size", None, None).tolist() == [
        [0.25, 0.375, 0.75, 0.625, pytest.approx(0.9)]
    ]


def test_center_and_size_are_relative_to_an_anchor() -> None:
    # y: 2/10 * 0.5 + 0.5 = 0.6, x: 0/10 * 0.25 + 0.5 = 0.5
    # height: e^(ln2 * 5/5) * 0.5 = 1, width: e^0 * 0.25
    rows = _floats([2, 0, 5 * np.log(2), 0, 0.9])
    result = postprocess.decode_boxes(rows, "center_size", [[0.5, 0.5, 0.5, 0.25]], [10, 10, 5, 5])
    assert result[0].tolist() == pytest.approx([0.1, 0.375, 1.1, 0.625, 0.9])


def test_corners_stay_as_they_are() -> None:
    rows = _floats([0.1, 0.2, 0.3, 0.4, 0.9])
    assert postprocess.decode_boxes(rows, "corners", None, None) is rows


def test_overlap_is_shared_of_covered() -> None:
    # 2 x 2 and 2 x 2, shifted by 1 along x: 2 shared of 6
    assert postprocess.overlap(_floats(0, 0, 2, 2), _floats(0, 1, 2, 3)) == pytest.approx(1 / 3)
    assert postprocess.overlap(_floats(0, 0, 1, 1), _floats(2, 2, 3, 3)) == 0
    assert postprocess.overlap(_floats(1, 1, 1, 1), _floats(1, 1, 1, 1)) == 0


ROWS = _floats(
    [0, 0, 2, 2, 0.6, 0.1],  # overlaps the next by a third
    [0, 1, 2, 3, 0.8, 0.1],
    [0, 1, 2, 3, 0.1, 0.7],  # the same place, another class
    [4, 4, 5, 5, 0.2, 0.1],
)


def _selected(rows: Any, **step: Any) -> list[tuple[str, float]]:
    result = postprocess.non_maximum_suppression(rows, LABELS, step)
    return [(entry["label"], round(entry["probability"], 6)) for entry in result]


@pytest.mark.parametrize(
    ("step", "selected"),
    [
        ({"iou": 0.3, "threshold": 0.15, "limit": 9}, [("cat", 0.8), ("dog", 0.7), ("cat", 0.2)]),
        (
            {"iou": 0.5, "threshold": 0.15, "limit": 9},
            [("cat", 0.8), ("dog", 0.7), ("cat", 0.6), ("cat", 0.2)],
        ),
        ({"iou": 0.5, "threshold": 0.5, "limit": 9}, [("cat", 0.8), ("dog", 0.7), ("cat", 0.6)]),
        ({"iou": 0.5, "threshold": 0.5, "limit": 1}, [("cat", 0.8)]),
        ({"iou": 0.5, "threshold": 0.5, "limit": 0}, []),
    ],
    ids=["overlapping", "apart", "threshold", "limit", "none"],
)
def test_a_box_stays_where_no_surer_one_of_its_class_is(
    step: dict[str, Any], selected: list[tuple[str, float]]
) -> None:
    assert _selected(ROWS, **step) == selected
    result = postprocess.non_maximum_suppression(ROWS, LABELS, {**step, "limit": 1})
    assert result[0]["box"] == [0, 1, 2, 3]


def test_every_class_of_a_box_counts_that_is_likely_enough() -> None:
    # The second object is a dog that looks like a cat: with the likeliest class alone it is missed.
    rows = _floats([0, 0, 2, 2, 0.9, 0.1], [4, 4, 6, 6, 0.5, 0.4])
    assert _selected(rows, iou=0.5, threshold=0.3, limit=9) == [
        ("cat", 0.9),
        ("cat", 0.5),
        ("dog", 0.4),
    ]


def test_a_box_that_its_likeliest_class_loses_stays_for_another() -> None:
    # As a cat, the second box is the first one again; as a dog, it is the only one.
    rows = _floats([0, 0, 2, 2, 0.9, 0.1], [0, 0, 2, 2, 0.8, 0.7])
    assert _selected(rows, iou=0.5, threshold=0.3, limit=9) == [("cat", 0.9), ("dog", 0.7)]


def _average_precision(
    rows: Any, truths: dict[str, tuple[float, float, float, float]], threshold: float
) -> float:
    """Return the mean over classes of average precision, with one true box of each class."""
    step = {"iou": 0.5, "threshold": threshold, "limit": 100}
    found = postprocess.non_maximum_suppression(rows, LABELS, step)
    precisions = []
    for label, box in truths.items():
        boxes = [entry["box"] for entry in found if entry["label"] == label]
        right = [postprocess.overlap(np.array(one), np.array(box)) >= 0.5 for one in boxes]
        precisions.append(1 / (right.index(True) + 1) if any(right) else 0.0)
    return float(np.mean(precisions))


def test_precision_is_that_of_all_pairs() -> None:
    # Cat: right at once, 1. Dog: the cat's box is before it, 1/2. With the likeliest class of each
    # box alone, the dog would be no dog: 1 and 0, in the mean 0.5.
    rows = _floats([0, 0, 2, 2, 0.9, 0.45], [4, 4, 6, 6, 0.5, 0.4])
    truths = {"cat": (0.0, 0.0, 2.0, 2.0), "dog": (4.0, 4.0, 6.0, 6.0)}
    assert _average_precision(rows, truths, 0.05) == 0.75


def test_of_equally_sure_pairs_the_first_row_stays_then_the_first_class() -> None:
    rows = _floats([0, 0, 2, 2, 0.5, 0.5], [0, 0, 2, 2.5, 0.5, 0.5])
    step = {"iou": 0.5, "threshold": 0.0, "limit": 9}
    result = postprocess.non_maximum_suppression(rows, LABELS, step)
    assert [(entry["label"], entry["box"]) for entry in result] == [
        ("cat", [0, 0, 2, 2]),
        ("dog", [0, 0, 2, 2]),
    ]
    apart = _floats([0, 0, 1, 1, 0.5, 0.5], [2, 2, 3, 3, 0.5, 0.5])
    result = postprocess.non_maximum_suppression(apart, LABELS, step)
    assert [(entry["label"], entry["box"][0]) for entry in result] == [
        ("cat", 0),
        ("dog", 0),
        ("cat", 2),
        ("dog", 2),
    ]


def test_a_mask_of_one_class_is_where_it_is_likely_enough() -> None:
    assert postprocess.mask(_floats([[0.5], [0.25]]), 0.5).tolist() == [[1, 0]]


def test_a_mask_of_many_classes_names_the_likeliest_and_of_equals_the_first() -> None:
    assert postprocess.mask(_floats([[0.1, 0.9], [0.5, 0.5]]), None).tolist() == [[1, 0]]


def test_steps_are_run_in_order() -> None:
    steps: list[dict[str, Any]] = [
        {"step": "dequantize", "scale": 1 / 256, "zero_point": 0},
        {"step": "top_k", "k": 2, "threshold": 0.25, "labels": "models/x.labels.txt"},
    ]
    result = postprocess.run(steps, np.array([[32, 64, 160]], np.uint8), LABELS)
    assert result == [{"label": "fox", "probability": 0.625}, {"label": "dog", "probability": 0.25}]


def test_logits_and_boxes_and_masks_are_run_too() -> None:
    after_softmax: list[dict[str, Any]] = [
        {"step": "softmax"},
        {"step": "top_k", "k": 1, "threshold": 0.0},
    ]
    assert postprocess.run(after_softmax, np.log(_floats([1, 2, 5])), LABELS)[0]["label"] == "fox"
    boxes: list[dict[str, Any]] = [
        {"step": "decode_boxes", "boxes": "corners", "anchors": None, "scales": None},
        {"step": "non_maximum_suppression", "iou": 0.5, "threshold": 0.75, "limit": 9},
    ]
    assert [entry["label"] for entry in postprocess.run(boxes, ROWS[None], LABELS)] == ["cat"]
    assert postprocess.run(
        [{"step": "mask", "threshold": None}], _floats([[[0.1, 0.9]]]), LABELS
    ).tolist() == [[1]]


def test_a_step_that_is_not_known_is_not_left_out() -> None:
    with pytest.raises(ValueError, match="blur: unknown step; the bundle is newer than this code"):
        postprocess.run([{"step": "blur"}], _floats([1]), LABELS)


def test_it_imports_nothing_that_an_app_does_not_have() -> None:
    tree = ast.parse(Path(postprocess.__file__).read_text())
    imported = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) == {"numpy"}


def test_a_step_takes_the_output_that_it_names() -> None:
    outputs = {
        "first": np.array([[0.0, 1.0]], np.float32),
        "second": np.array([[1.0, 0.0]], np.float32),
    }
    top: dict[str, object] = {"step": "top_k", "k": 1, "threshold": 0.0}
    assert postprocess.run([top], outputs, ["a", "b"]) == [{"label": "b", "probability": 1.0}]
    named = {**top, "output": "second"}
    assert postprocess.run([named], outputs, ["a", "b"]) == [{"label": "a", "probability": 1.0}]


def test_a_single_clip_is_its_own_mean() -> None:
    steps = [
        {"step": "smooth", "over": 3, "hold": 2},
        {"step": "top_k", "k": 1, "threshold": 0.5, "labels": "labels.txt"},
    ]
    probabilities = np.array([[0.25, 0.75]], np.float32)
    answer = postprocess.run(steps, probabilities, ["no", "yes"])
    assert answer == [{"label": "yes", "probability": 0.75}]
