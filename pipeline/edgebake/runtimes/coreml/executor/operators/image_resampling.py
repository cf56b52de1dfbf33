"""Translate operators that sample images between pixels. x is [batch, channels, height, width].

Rows and columns to sample at are float32 tensors, in pixels. They broadcast to [n, height, width].
"""

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.graph_builder import INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.boxes import box_positions, read_boxes
from edgebake.runtimes.coreml.executor.operators.image_sampler import ImageSampler
from edgebake.runtimes.coreml.executor.registry import operator

PADDING_MODES = ("constant", "border", "reflection", "symmetric")
# The values that the documentation of `affine` allows.
AFFINE_OPTIONS = {
    "sampling_mode": "bilinear",
    "padding_mode": "constant",
    "coordinates_mode": "normalized_minus_one_to_one",
}


@operator
def resample(op: OperationContext) -> GraphTensor:
    """Return x sampled at the coordinates (column, row)."""
    coordinates = op.float_tensor("coordinates")
    column_index = op.literal(0, INT64)
    columns = op.gather(coordinates, column_index, -1)
    row_index = op.literal(1, INT64)
    rows = op.gather(coordinates, row_index, -1)
    return _sample(op, rows, columns)


@operator
def affine(op: OperationContext) -> GraphTensor:
    """Return x sampled at (a0 column + a1 row + a2, b0 column + b1 row + b2).

    -1 and 1 are the centers of the first and the last pixel of an axis.
    """
    _refuse_unsupported_affine(op)
    height = op.integer("output_height")
    width = op.integer("output_width")
    if 1 in (height, width):
        message = "one row or column, for which Apple does not document the coordinate"
        raise UnsupportedError(message)
    coefficients = op.float_tensor("transform_matrix")
    matrix = op.reshape(coefficients, [-1, 2, 3])
    coordinates = matrix @ _homogeneous_grid(height, width)
    columns, rows = op.emit_many(2, "Split", coordinates, axis=1, num_outputs=2)
    grid_shape = [-1, height, width]
    rows = op.reshape(rows, grid_shape)
    columns = op.reshape(columns, grid_shape)
    return _sample(op, rows, columns)


def _homogeneous_grid(height: int, width: int) -> NDArray[np.float64]:
    """Return (column, row, 1) of each pixel, [3, height * width]."""
    rows = np.linspace(-1, 1, height)
    columns = np.linspace(-1, 1, width)
    row, column = np.meshgrid(rows, columns, indexing="ij")
    ones = np.ones(height * width)
    return np.stack([column.ravel(), row.ravel(), ones])


def _refuse_unsupported_affine(op: OperationContext) -> None:
    for parameter, allowed in AFFINE_OPTIONS.items():
        value = op.text(parameter, allowed)
        if value.lower() != allowed:
            raise UnsupportedError(f"{parameter} {value}")
    padding_value = op.number("padding_value", 0.0)
    if padding_value or not op.flag("align_corners"):
        raise UnsupportedError(
            "a padding_value or corners that are not aligned, neither of which Core ML supports"
        )


@operator
def crop_resize(op: OperationContext) -> GraphTensor:
    """Return each box of x in another size, interpolated; outside of the image is `pad_value`."""
    image_indices, boxes = read_boxes(op)
    rows = box_positions(op, boxes, 0)
    rows = op.unsqueeze(rows, 2)
    columns = box_positions(op, boxes, 1)
    columns = op.unsqueeze(columns, 1)
    sampler = ImageSampler(op, image_indices)
    is_inside = sampler.contains(rows, columns)
    is_inside = op.unsqueeze(is_inside, -1)
    pixels = sampler.bilinear(rows, columns)
    padding_value = op.number("pad_value", 0.0)
    pixels = op.where(is_inside, pixels, padding_value)
    crops = op.transpose(pixels, [0, 3, 1, 2])
    if op.has("boxes"):
        return crops
    # Before iOS 17 the result has an axis for the images of the batch.
    batch, channels, _, _ = op.shape("x")
    height, width = op.output_shape()[-2:]
    return op.reshape(crops, [-1, batch, channels, height, width])


def _sample(op: OperationContext, rows: GraphTensor, columns: GraphTensor) -> GraphTensor:
    """Sample x with the parameters that `resample` and `affine` share."""
    padding_mode = op.text("padding_mode", "").lower()
    if padding_mode not in PADDING_MODES:
        raise UnsupportedError(f"padding_mode {padding_mode}")
    sampling_mode = op.text("sampling_mode", "").lower()
    if sampling_mode not in ("bilinear", "nearest"):
        raise UnsupportedError(f"sampling_mode {sampling_mode}")
    batch, _, height, width = op.shape("x")
    rows = _to_pixels(op, rows, height)
    rows = _wrap(op, rows, height, padding_mode)
    columns = _to_pixels(op, columns, width)
    columns = _wrap(op, columns, width, padding_mode)
    image_numbers = np.arange(batch).reshape(-1, 1, 1)
    image_indices = op.literal(image_numbers, INT64)
    padding_value = None
    if padding_mode == "constant":
        padding_value = op.number("padding_value", 0.0)
    sampler = ImageSampler(op, image_indices, padding_value)
    if sampling_mode == "nearest":
        # Half to even, as in PyTorch's grid_sample, which coremltools converts to this operator.
        nearest_rows = op.emit("Round", rows)
        nearest_columns = op.emit("Round", columns)
        pixels = sampler.at(nearest_rows, nearest_columns)
    else:
        pixels = sampler.bilinear(rows, columns)
    return op.transpose(pixels, [0, 3, 1, 2])


def _to_pixels(op: OperationContext, coordinates: GraphTensor, size: int) -> GraphTensor:
    """Convert coordinates along an axis to pixels."""
    mode = op.text("coordinates_mode", "").lower()
    last = size - 1
    # 0 and 1 are the outer edges of the first and the last pixel, or their centers if aligned.
    span = float(size)
    zero = -0.5
    if op.flag("align_corners"):
        span = float(last)
        zero = 0.0
    if mode == "unnormalized":
        return coordinates
    if mode == "normalized_zero_to_one":
        return coordinates * span + zero
    if mode == "normalized_minus_one_to_one":
        half_span = span / 2
        center = last / 2
        return coordinates * half_span + center
    raise UnsupportedError(f"coordinates_mode {mode}")


def _wrap(
    op: OperationContext, positions: GraphTensor, size: int, padding_mode: str
) -> GraphTensor:
    """Move positions outside of the image to the pixels that the padding repeats."""
    if padding_mode == "constant":
        return positions
    last = size - 1
    if padding_mode != "border":
        # The image is mirrored again and again, at the center of edge pixels or at their border.
        mirror = 0.5
        if padding_mode == "reflection":
            mirror = 0.0
        span = max(last + 2 * mirror, 1.0)
        distance = op.emit("Abs", positions + mirror)
        phase = op.emit("Mod", distance, 2 * span, fmod=1)
        distance_from_end = op.emit("Abs", phase - span)
        positions = (span - mirror) - distance_from_end
    return op.clip(positions, 0, last)
