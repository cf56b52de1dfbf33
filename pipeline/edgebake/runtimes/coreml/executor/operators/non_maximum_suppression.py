"""Translate the selection of the best boxes among those that overlap.

An image has boxes of coordinates and, for each box, a score per class.
"""

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import INT32, INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator

NO_SCORE = -np.inf  # of a box that does not compete, or is not selected


@operator
def non_maximum_suppression(op: OperationContext) -> list[GraphTensor]:
    """Return coordinates, scores and indices of the selected boxes, by descending score.

    Before iOS 17 there is a fourth output: the number of selected boxes. The outputs have
    `max_boxes` entries; unused ones are 0, indices are -1. Source: the reference in coremltools'
    tests.
    """
    boxes = op.float_tensor("boxes")
    scores = op.float_tensor("scores")
    is_ios17 = not op.has("score_threshold")
    if is_ios17:  # the boxes are the last axis
        boxes = op.transpose(boxes, [0, 2, 1])
        scores = op.transpose(scores, [0, 2, 1])
    class_axis = op.int64(2)
    best_scores = op.emit("ReduceMax", scores, class_axis, keepdims=0)
    scores_by_class = _scores_by_class(op, scores, best_scores)
    selected = _selected_boxes(op, boxes, scores_by_class)
    indices, count = _sort_by_score(op, best_scores, selected)
    selected_boxes = _gather_boxes(op, boxes, indices)
    selected_scores = _gather_boxes(op, scores, indices)
    indices = op.cast(indices, INT32)
    if not is_ios17:
        return [selected_boxes, selected_scores, indices, count]
    selected_boxes = op.transpose(selected_boxes, [0, 2, 1])
    selected_scores = op.transpose(selected_scores, [0, 2, 1])
    return [selected_boxes, selected_scores, indices]


def _scores_by_class(
    op: OperationContext, scores: GraphTensor, best_scores: GraphTensor
) -> GraphTensor:
    """Return scores [batch, classes, boxes]: a box competes in the class of its best score.

    Without `per_class_suppression` there is one class.
    """
    has_threshold = op.has("score_threshold")
    class_axis = 1
    competing = op.unsqueeze(best_scores, 1)
    if has_threshold:
        class_axis = 2
        threshold = op.number("score_threshold")
        is_enough = op.emit("GreaterOrEqual", competing, threshold)
        competing = op.where(is_enough, competing, NO_SCORE)
    if not op.flag("per_class_suppression"):
        return competing
    class_count = op.shape("scores")[class_axis]
    class_numbers = np.arange(class_count).reshape(1, -1, 1)
    classes = op.literal(class_numbers, INT64)
    best_class = op.emit("ArgMax", scores, axis=2, keepdims=0)
    best_class = op.unsqueeze(best_class, 1)
    is_best_class = op.emit("Equal", best_class, classes)
    return op.where(is_best_class, competing, NO_SCORE)


def _selected_boxes(
    op: OperationContext, boxes: GraphTensor, scores_by_class: GraphTensor
) -> GraphTensor:
    """Return the indices (image, box) of the selected boxes, int64 [count, 2]."""
    iou_threshold = op.number("iou_threshold")
    if not 0 <= iou_threshold <= 1:
        raise UnsupportedError("an iou_threshold that is not between 0 and 1")
    overlap_limit = op.literal([iou_threshold])
    score_limit = op.literal([NO_SCORE])
    selected = op.emit(
        "NonMaxSuppression",
        boxes,
        scores_by_class,
        op.int64(op.integer("max_boxes")),
        overlap_limit,
        score_limit,
        center_point_box=1,
    )
    # ONNX returns (image, class, box).
    return op.gather(selected, [0, 2], 1)


def _sort_by_score(
    op: OperationContext, best_scores: GraphTensor, selected: GraphTensor
) -> tuple[GraphTensor, GraphTensor]:
    """Return the selected boxes of each image by descending score, and how many there are.

    The indices are int64 [batch, max_boxes], unused ones -1; the counts are int32 [batch].
    """
    batch = op.shape("boxes")[0]
    limit = op.integer("max_boxes")
    # The best box of an image is selected even if no score reaches the threshold.
    best_box = op.emit("ArgMax", best_scores, axis=1, keepdims=0)
    image_numbers = np.arange(batch).reshape(-1, 1)
    images = op.literal(image_numbers, INT64)
    best_box = op.unsqueeze(best_box, 1)
    best_boxes = op.concat([images, best_box], 1)
    selected = op.concat([selected, best_boxes], 0)
    shape = op.emit("Shape", best_scores)
    no_scores = op.emit("Expand", NO_SCORE, shape)
    selected_scores = op.emit("GatherND", best_scores, selected)
    scores = op.emit("ScatterND", no_scores, selected, selected_scores)
    # There may be fewer boxes than TopK has to return.
    padding_scores = np.full((batch, limit), NO_SCORE)
    padding = op.literal(padding_scores)
    padded = op.concat([scores, padding], 1)
    k = op.int64(limit)
    values, indices = op.emit_many(2, "TopK", padded, k, axis=1)
    is_selected = op.emit("Greater", values, NO_SCORE)
    is_selected_int = op.cast(is_selected, INT32)
    box_axis = op.int64(1)
    count = op.emit("ReduceSum", is_selected_int, box_axis, keepdims=0)
    unused = op.literal(-1, INT64)
    return op.where(is_selected, indices, unused), count


def _gather_boxes(op: OperationContext, tensor: GraphTensor, indices: GraphTensor) -> GraphTensor:
    """Gather entries of each image by the index of their box; -1 reads zeros."""
    one_box_at_end = op.int64([0, 0, 0, 0, 1, 0])
    padded = op.emit("Pad", tensor, one_box_at_end)
    coordinates = op.unsqueeze(indices, -1)
    return op.emit("GatherND", padded, coordinates, batch_dims=1)
