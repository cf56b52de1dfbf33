"""The best boxes, without those that overlap with a better one."""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator

NONE = -np.inf  # the score of a box that does not compete, or is not selected


@operator
def non_maximum_suppression(call: OperationContext) -> list[str]:
    """Return coordinates, scores and indices of the selected boxes, best first, and before iOS 17 how many they are.

    What `max_boxes` leaves over is filled with 0, indices with -1. Source: the reference in coremltools' tests.
    """
    boxes, scores = call.real("boxes"), call.real("scores")
    newer = not call.has("score_threshold")
    if newer:  # the boxes are on the last axis
        boxes, scores = call.transpose(boxes, [0, 2, 1]), call.transpose(scores, [0, 2, 1])
    best = call.emit("ReduceMax", scores, call.indices([2]), keepdims=0)
    selected = _selected(call, boxes, _by_class(call, scores, best))
    indices, count = _ranked(call, best, selected)
    found = [_picked(call, tensor, indices) for tensor in (boxes, scores)]
    if newer:
        return [
            *(call.transpose(tensor, [0, 2, 1]) for tensor in found),
            call.cast(indices, TensorProto.INT32),
        ]
    return [*found, call.cast(indices, TensorProto.INT32), count]


def _by_class(call: OperationContext, scores: str, best: str) -> str:
    """Return scores [batch, classes, boxes]: a box competes in the class of its best score; one class unless asked."""
    rows = call.emit("Unsqueeze", best, call.indices([1]))
    if call.has("score_threshold"):
        enough = call.emit("GreaterOrEqual", rows, call.literal(call.number("score_threshold")))
        rows = call.emit("Where", enough, rows, call.literal(NONE))
    if not call.flag("per_class_suppression"):
        return rows
    classes = call.shape("scores")[2 if call.has("score_threshold") else 1]
    own = call.emit("Unsqueeze", call.emit("ArgMax", scores, axis=2, keepdims=0), call.indices([1]))
    matches = call.emit(
        "Equal", own, call.literal(np.arange(classes).reshape(1, -1, 1), TensorProto.INT64)
    )
    return call.emit("Where", matches, rows, call.literal(NONE))


def _selected(call: OperationContext, boxes: str, by_class: str) -> str:
    """Return the places (image, box) of those that stay."""
    overlap = call.number("iou_threshold")
    if not 0 <= overlap <= 1:
        raise UnsupportedError("an iou_threshold that is not between 0 and 1")
    thresholds = (
        call.literal([overlap]),
        call.literal([NONE]),
    )  # of overlap, and of the scores that ONNX leaves out
    limit = call.indices([call.integer("max_boxes")])
    triples = call.emit(
        "NonMaxSuppression", boxes, by_class, limit, *thresholds, center_point_box=1
    )
    return call.emit("Gather", triples, call.indices([0, 2]), axis=1)


def _ranked(call: OperationContext, best: str, selected: str) -> tuple[str, str]:
    """Return the indices of selected boxes by falling score, [batch, max_boxes], and how many each image has."""
    batch, limit = call.shape("boxes")[0], call.integer("max_boxes")
    # The best of all is selected anyway, unless no score reaches the threshold: then it stays alone.
    first = call.emit("Unsqueeze", call.emit("ArgMax", best, axis=1, keepdims=0), call.indices([1]))
    images = call.literal(np.arange(batch).reshape(-1, 1), TensorProto.INT64)
    places = call.emit("Concat", selected, call.emit("Concat", images, first, axis=1), axis=0)
    nothing = call.emit("Expand", call.literal(NONE), call.emit("Shape", best))
    scores = call.emit("ScatterND", nothing, places, call.emit("GatherND", best, places))
    filled = call.emit("Concat", scores, call.literal(np.full((batch, limit), NONE)), axis=1)
    values, indices = call.emit_many(2, "TopK", filled, call.indices([limit]), axis=1)
    real = call.emit("Greater", values, call.literal(NONE))
    count = call.emit(
        "ReduceSum", call.cast(real, TensorProto.INT32), call.indices([1]), keepdims=0
    )
    return call.emit("Where", real, indices, call.literal(-1, TensorProto.INT64)), count


def _picked(call: OperationContext, tensor: str, indices: str) -> str:
    """Return what stands at indices; -1 is the last place, where a row of zeros is added."""
    padded = call.emit("Pad", tensor, call.indices([0, 0, 0, 0, 1, 0]))
    return call.emit(
        "GatherND", padded, call.emit("Unsqueeze", indices, call.indices([-1])), batch_dims=1
    )
