"""Postprocessing of a model's output in an app, step by step: the reference for every language.

Needs NumPy alone: the Python sample contains the text of this module. Boxes are
[top, left, bottom, right].
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int8] | NDArray[np.uint8] | NDArray[np.int16]
# Means over the clips of a stream, as tasks/streams.py has them; that of one clip is the clip.
SMOOTH = "smooth"
Step = dict[str, Any]  # its name as `step`, and its parameters
Detection = dict[str, Any]  # label, probability, and box if it has one


def run(
    steps: list[Step],
    outputs: Mapping[str, Integers | Floats] | Integers | Floats,
    labels: list[str],
) -> Any:
    """Run all steps of a target's postprocessing.

    Args:
        steps: `postprocessing` of the target in the manifest. A step with an `output` begins with
            the output of that name; without one, it goes on from the step before.
        outputs: the model's outputs for one example by name, each [1, ...]; or its only output.
        labels: names of the classes.

    Returns:
        Classes or boxes; for a segmentation mask, the index of a class for each pixel [h, w].
    """
    if not isinstance(outputs, Mapping):
        outputs = {"": outputs}
    first = next(iter(outputs.values()))
    value: Any = np.asarray(first)[0]
    for step in steps:
        if "output" in step:
            value = np.asarray(outputs[step["output"]])[0]
        if step["step"] != SMOOTH:
            value = _run_step(step, value, labels)
    return value


def _run_step(step: Step, value: Any, labels: list[str]) -> Any:
    match step["step"]:
        case "dequantize":
            scale = step["scale"]
            zero_point = step["zero_point"]
            return dequantize(value, scale, zero_point)
        case "softmax":
            return softmax(value)
        case "top_k":
            k = step["k"]
            threshold = step["threshold"]
            return top_k(value, labels, k, threshold)
        case "decode_boxes":
            boxes = step["boxes"]
            anchors = step["anchors"]
            scales = step["scales"]
            return decode_boxes(value, boxes, anchors, scales)
        case "non_maximum_suppression":
            return non_maximum_suppression(value, labels, step)
        case "mask":
            return mask(value, step["threshold"])
        case name:
            raise ValueError(f"{name}: unknown step; the bundle is newer than this code")


def dequantize(stored: Integers, scale: float, zero_point: int) -> Floats:
    """Return real values (stored - zero_point) * scale as float32, in the shape of `stored`."""
    values = stored.astype(np.float32)
    centered = values - zero_point
    return centered * np.float32(scale)


def softmax(logits: Floats) -> Floats:
    """Return probabilities of logits; the last axis is the classes, as in [h, w, classes].

    The largest logit is subtracted first, so that no power overflows.
    """
    largest = logits.max(axis=-1, keepdims=True)
    powers = np.exp(logits - largest)
    total = powers.sum(axis=-1, keepdims=True)
    probabilities: Floats = powers / total
    return probabilities


def top_k(probabilities: Floats, labels: list[str], k: int, threshold: float) -> list[Detection]:
    """Return the k most probable classes with at least the threshold, the most probable first.

    `probabilities` is [classes]; of equal ones, the first class comes first.
    """
    detections: list[Detection] = []
    order = np.argsort(-probabilities, kind="stable")
    for index in order[:k]:
        probability = probabilities[index]
        if probability >= threshold:
            detection = {"label": labels[index], "probability": float(probability)}
            detections.append(detection)
    return detections


def decode_boxes(
    rows: Floats, boxes: str, anchors: list[list[float]] | None, scales: list[float] | None
) -> Floats:
    """Return rows [n, 4 + classes] that begin with a box: top, left, bottom, right.

    Rows of `boxes: corners` begin with one already; others with center and size, [y, x, height,
    width]. With anchors [n, 4] of the same form, the center is relative to the anchor's center and
    size, and the size is a logarithm relative to the anchor's.
    Source: tflite/kernels/detection_postprocess.cc, DecodeCenterSizeBoxes.
    """
    if boxes == "corners":
        return rows
    encoded = rows[:, :4]
    scores = rows[:, 4:]
    divisors = np.asarray(scales or [1, 1, 1, 1], np.float32)
    scaled = encoded / divisors
    y, x, height, width = scaled.T
    if anchors is not None:
        anchor_rows = np.asarray(anchors, np.float32)
        anchor_y, anchor_x, anchor_height, anchor_width = anchor_rows.T
        y = y * anchor_height + anchor_y
        x = x * anchor_width + anchor_x
        height = np.exp(height) * anchor_height
        width = np.exp(width) * anchor_width
    top = y - height / 2
    left = x - width / 2
    bottom = y + height / 2
    right = x + width / 2
    sides = [top, left, bottom, right]
    corners = np.stack(sides, axis=1)
    decoded: Floats = np.concatenate([corners, scores], axis=1)
    return decoded


def non_maximum_suppression(rows: Floats, labels: list[str], step: Step) -> list[Detection]:
    """Return the boxes that overlap no more probable box of their class, the most probable first.

    Every pair of a box and a class with at least the threshold counts, so that one box may be
    there for several classes. Classes do not suppress each other. Of equally probable pairs, the
    one of the first row comes first, then that of the first class.

    Args:
        rows: a box and the probability of each class, [n, 4 + classes].
        labels: names of the classes.
        step: `iou`, the overlap from which on two boxes are of one object; `threshold`, the
            least probability of a pair; `limit`, the largest number of pairs, of all classes.
    """
    boxes = rows[:, :4].astype(np.float64)
    scores = rows[:, 4:]
    pairs = np.argwhere(scores >= step["threshold"])  # in the order of rows, then of classes
    probabilities = scores[pairs[:, 0], pairs[:, 1]]
    order = np.argsort(-probabilities, kind="stable")
    selected_rows: dict[int, list[int]] = {}  # by class
    detections: list[Detection] = []
    for index in order:
        if len(detections) == step["limit"]:
            break
        row, number = pairs[index].tolist()
        rivals = selected_rows.setdefault(number, [])
        if any(overlap(boxes[row], boxes[rival]) >= step["iou"] for rival in rivals):
            continue
        rivals.append(row)
        box = [float(side) for side in rows[row, :4]]
        probability = float(probabilities[index])
        detections.append({"label": labels[number], "probability": probability, "box": box})
    return detections


def overlap(box: NDArray[np.float64], rival: NDArray[np.float64]) -> float:
    """Return the intersection over union of two boxes [4], 0 to 1; 0 if both are empty."""
    # The box that both have in common; its size is negative if they do not touch.
    top, left = np.maximum(box[:2], rival[:2])
    bottom, right = np.minimum(box[2:], rival[2:])
    height = max(0.0, float(bottom - top))
    width = max(0.0, float(right - left))
    intersection = height * width
    area = _area(box)
    rival_area = _area(rival)
    union = area + rival_area - intersection
    if union > 0:
        return intersection / union
    return 0.0


def _area(box: NDArray[np.float64]) -> float:
    top, left, bottom, right = box
    height = bottom - top
    width = right - left
    return float(height * width)


def mask(scores: Floats, threshold: float | None) -> NDArray[np.int64]:
    """Return the index of a class for each pixel, [h, w].

    Args:
        scores: score of each class, [h, w, classes].
        threshold: for a model with one class: 1 where its score is at least this, otherwise 0.
            None: the class with the highest score; of equal ones, the first.
    """
    if threshold is None:
        classes: NDArray[np.int64] = scores.argmax(axis=-1)
        return classes
    is_foreground = scores[..., 0] >= threshold
    return is_foreground.astype(np.int64)
