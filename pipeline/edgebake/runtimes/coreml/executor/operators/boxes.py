"""Read the boxes of `crop_resize`, and the positions at which it samples them."""

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.sampling import ALIGNED_MODES, sampling_positions

# Indices of the two numbers that describe the rows of a box, and of those for the columns.
HEIGHT_FIRST = ((0, 2), (1, 3))
WIDTH_FIRST = ((1, 3), (0, 2))
COORDINATE_MODES = {
    "CORNERS_HEIGHT_FIRST": HEIGHT_FIRST,
    "CORNERS_WIDTH_FIRST": WIDTH_FIRST,
    "CENTER_SIZE_HEIGHT_FIRST": HEIGHT_FIRST,
    "CENTER_SIZE_WIDTH_FIRST": WIDTH_FIRST,
}


def read_boxes(op: OperationContext) -> tuple[GraphTensor, GraphTensor]:
    """Return the image of each box, int64 [n, 1, 1], and the four numbers of each box, [n, 4]."""
    if op.has("boxes"):
        image_indices, boxes = _boxes_of_ios17(op)
    else:
        image_indices, boxes = _regions_of_interest(op)
    image_indices = op.cast(image_indices, INT64)
    image_indices = op.reshape(image_indices, [-1, 1, 1])
    return image_indices, op.reshape(boxes, [-1, 4])


def _boxes_of_ios17(op: OperationContext) -> tuple[GraphTensor, GraphTensor]:
    if op.has("box_indices"):
        return op.tensor("box_indices"), op.float_tensor("boxes")
    # Box i is one of image i.
    count = op.shape("boxes")[0]
    image_indices = op.int64(range(count))
    return image_indices, op.float_tensor("boxes")


def _regions_of_interest(op: OperationContext) -> tuple[GraphTensor, GraphTensor]:
    """Return the boxes of `roi`, before iOS 17."""
    batch = op.shape("x")[0]
    shape = op.shape("roi")
    count = shape[0]
    if shape[2] == 4:  # every box of every image
        images = list(range(batch))
        image_indices = op.int64(images * count)
        boxes = op.reshape(op.tensor("roi"), [-1, 1, 4])
        full_shape = op.int64([count, batch, 4])
        return image_indices, op.emit("Expand", boxes, full_shape)
    if batch != 1:
        raise UnsupportedError(
            "boxes that name one of several images: coremltools declares another shape than it"
            " documents"
        )
    sizes = op.int64([1, 4])
    regions = op.tensor("roi")
    image_indices, boxes = op.emit_many(2, "Split", regions, sizes, axis=2)
    return image_indices, boxes


def box_positions(op: OperationContext, boxes: GraphTensor, axis: int) -> GraphTensor:
    """Return the rows (axis 0) or columns (axis 1) at which to sample each box, [n, positions].

    They are those of `sampling_positions`, with the first and the last pixel of the box in place
    of those of the image.
    """
    first, last = _corners(op, boxes, axis)
    size_parameter = ("target_height", "target_width")[axis]
    new_size = op.integer(size_parameter, 1)
    mode = op.text("sampling_mode", "DEFAULT")
    if mode == "UNALIGN_CORNERS":
        raise UnsupportedError(
            f"sampling_mode {mode}, on which coremltools' documentation and tests disagree"
        )
    if mode in ALIGNED_MODES:
        fraction = sampling_positions(2, new_size, mode)  # 0: the first pixel, 1: the last
        return first * (1 - fraction) + last * fraction
    length = last - first
    index = np.arange(new_size)
    if mode == "DEFAULT":
        fraction = index / new_size
        offsets = op.emit("Max", (length + 1) * fraction, 0)
    elif mode == "OFFSET_CORNERS":
        fraction = (index + 0.5) / new_size
        positive_length = op.emit("Max", length, 1)
        offsets = positive_length * fraction
    else:
        raise UnsupportedError(f"sampling_mode {mode}")
    return op.emit("Min", first + offsets, last)


def _corners(
    op: OperationContext, boxes: GraphTensor, axis: int
) -> tuple[GraphTensor, GraphTensor]:
    """Return the first and the last pixel of each box along an axis, [n, 1]."""
    mode = op.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
    if mode not in COORDINATE_MODES:
        raise UnsupportedError(f"box_coordinate_mode {mode}")
    scale = op.number("spatial_scale", 1.0)
    if op.flag("normalized_coordinates"):
        size = op.shape("x")[2 + axis]
        scale *= size - 1
    scaled = boxes * scale
    first_index, second_index = COORDINATE_MODES[mode][axis]
    first = op.gather(scaled, [first_index], 1)
    second = op.gather(scaled, [second_index], 1)
    if mode.startswith("CORNERS"):
        return first, second
    half_size = second * 0.5
    return first - half_size, first + half_size
