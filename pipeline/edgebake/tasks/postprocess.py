"""What an app does with a model's output, step by step: the reference for apps in every language.

Needs numpy alone: the Python sample holds this text as it is. Boxes are [top, left, bottom, right].
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def run(steps: list[dict[str, Any]], output: NDArray[Any], labels: list[str]) -> Any:
    """Return what an app shows: answers, boxes, or the number of a class for each pixel.

    Args:
        steps: `postprocessing` of a target in the manifest.
        output: as the model gives it, for one example [1, ...].
        labels: one for each class.
    """
    value: Any = np.asarray(output)[0]
    for step in steps:
        value = _applied(step, value, labels)
    return value


def _applied(step: dict[str, Any], value: Any, labels: list[str]) -> Any:
    match step["step"]:
        case "dequantize":
            return dequantize(value, step["scale"], step["zero_point"])
        case "softmax":
            return softmax(value)
        case "top_k":
            return top_k(value, labels, step["k"], step["threshold"])
        case "decode_boxes":
            return decode_boxes(value, step["boxes"], step["anchors"], step["scales"])
        case "non_maximum_suppression":
            return non_maximum_suppression(value, labels, step)
        case "mask":
            return mask(value, step["threshold"])
        case other:
            raise ValueError(
                f"{other}: no step that is known here; the bundle is newer than this code"
            )


def dequantize(stored: NDArray[Any], scale: float, zero_point: int) -> Floats:
    """Return the real values of stored ones."""
    return (stored.astype(np.float32) - zero_point) * np.float32(scale)


def softmax(logits: Floats) -> Floats:
    """Return probabilities along the last axis; the largest logit is taken off first, so that none overflows."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def top_k(
    probabilities: Floats, labels: list[str], k: int, threshold: float
) -> list[dict[str, Any]]:
    """Return at most k answers in falling probability, less those below the threshold; of equals the first class."""
    order = np.argsort(-probabilities, kind="stable")[:k]
    return [
        {"label": labels[number], "probability": float(probabilities[number])}
        for number in order
        if probabilities[number] >= threshold
    ]


def decode_boxes(
    rows: Floats, boxes: str, anchors: list[list[float]] | None, scales: list[float] | None
) -> Floats:
    """Return rows [n, 4 + classes] whose first four numbers are top, left, bottom, right.

    Center and size are relative to an anchor [y, x, height, width] where there are anchors: the size is a power of e.
    Source: tflite/kernels/detection_postprocess.cc, DecodeCenterSizeBoxes.
    """
    if boxes == "corners":
        return rows
    y, x, height, width = (rows[:, :4] / np.asarray(scales or [1, 1, 1, 1], np.float32)).T
    if anchors is not None:
        anchor_y, anchor_x, anchor_height, anchor_width = np.asarray(anchors, np.float32).T
        y, x = y * anchor_height + anchor_y, x * anchor_width + anchor_x
        height, width = np.exp(height) * anchor_height, np.exp(width) * anchor_width
    corners = np.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=1)
    decoded: Floats = np.concatenate([corners, rows[:, 4:]], axis=1)
    return decoded


def non_maximum_suppression(
    rows: Floats, labels: list[str], step: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the boxes that no surer box of the same class overlaps, in falling probability; of equals the first row.

    Args:
        rows: [n, 4 + classes], a box and how likely each class is.
        labels: one for each class.
        step: `iou`, from which on two boxes are of one thing; `threshold`, below which a box is none; `limit` of boxes.
    """
    classes, surest = rows[:, 4:].argmax(axis=1), rows[:, 4:].max(axis=1)
    kept: list[int] = []
    for number in np.argsort(-surest, kind="stable"):
        rivals = [other for other in kept if classes[other] == classes[number]]
        overlaps = any(
            overlap(rows[number, :4], rows[other, :4]) >= step["iou"] for other in rivals
        )
        if surest[number] >= step["threshold"] and not overlaps and len(kept) < step["limit"]:
            kept.append(int(number))
    return [
        {
            "label": labels[classes[one]],
            "probability": float(surest[one]),
            "box": rows[one, :4].tolist(),
        }
        for one in kept
    ]


def overlap(one: Floats, other: Floats) -> float:
    """Return the area that two boxes share, as a share of what they cover together; 0 where they cover nothing."""
    top, left = np.maximum(one[:2], other[:2])
    bottom, right = np.minimum(one[2:], other[2:])
    shared = max(0.0, float(bottom - top)) * max(0.0, float(right - left))
    covered = _area(one) + _area(other) - shared
    return shared / covered if covered > 0 else 0.0


def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def mask(scores: Floats, threshold: float | None) -> NDArray[np.int64]:
    """Return the number of a class for each pixel [h, w]; with a threshold, 1 where the one class is as likely as that.

    Args:
        scores: [h, w, classes].
        threshold: of a model that knows one class; none: the likeliest class is taken, of equals the first.
    """
    if threshold is None:
        likeliest: NDArray[np.int64] = scores.argmax(axis=-1)
        return likeliest
    return (scores[..., 0] >= threshold).astype(np.int64)
