"""Translate operators that resize images. Height and width are the last two axes.

Linear interpolation is a product with a matrix along each axis. That covers every sampling mode.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.sampling import (
    interpolation_matrix,
    sampling_positions,
)
from edgebake.runtimes.coreml.executor.registry import operator

# (size, new size) -> the index to copy from, for each new index.
NearestIndices: TypeAlias = Callable[[int, int], NDArray[np.int64]]


@operator
def upsample_bilinear(op: OperationContext) -> GraphTensor:
    """Return x scaled up by a factor per axis, with linear interpolation."""
    if op.flag("align_corners", True):
        mode = "STRICT_ALIGN_CORNERS"
    elif op.flag("half_pixel_centers", True):
        mode = "UNALIGN_CORNERS"
    else:
        mode = "DEFAULT"
    return _resize_linear(op, mode)


@operator
def resize_bilinear(op: OperationContext) -> GraphTensor:
    """Return x in another size, with linear interpolation."""
    mode = op.text("sampling_mode", "DEFAULT")
    return _resize_linear(op, mode)


@operator
def upsample_nearest_neighbor(op: OperationContext) -> GraphTensor:
    """Return x scaled up by a factor per axis, with repeated pixels."""
    return _resize_nearest(op, _floor_indices)


@operator
def resize_nearest_neighbor(op: OperationContext) -> GraphTensor:
    """Return x in another size, with pixels repeated or left out."""
    return _resize_nearest(op, _floor_indices)


@operator
def resize(op: OperationContext) -> GraphTensor:
    """Return x in another size of its last one or two axes (iOS 17)."""
    mode = op.text("sampling_mode", "DEFAULT")
    interpolation = op.text("interpolation_mode", "LINEAR")
    resized_axes = op.integer("resized_dims")
    if resized_axes > 2:
        outer_sizes = op.shape("x")[:-2]
        new_outer_sizes = op.output_shape()[:-2]
        if outer_sizes != new_outer_sizes:
            raise UnsupportedError("resizing of more than two axes")
    if interpolation != "NEAREST_NEIGHBOR":
        width_only = resized_axes == 1
        return _resize_linear(op, mode, width_only)

    def rounded_indices(size: int, new_size: int) -> NDArray[np.int64]:
        return _rounded_indices(size, new_size, mode)

    return _resize_nearest(op, rounded_indices)


@operator
def crop(op: OperationContext) -> GraphTensor:
    """Return x without some rows and columns at its edges."""
    top, bottom = op.integers("crop_height")
    left, right = op.integers("crop_width")
    height, width = op.shape("x")[-2:]
    return op.slice(op.x, begin=[top, left], end=[height - bottom, width - right], axes=[-2, -1])


def _resized_axes(op: OperationContext) -> list[tuple[int, int]]:
    """Return the old and the new size of height and width."""
    height, width = op.shape("x")[-2:]
    if op.has_static_output() or not op.has("scale_factor_height"):
        new_height, new_width = op.output_shape()[-2:]
    else:  # the size depends on the input of the program
        height_factor = op.number("scale_factor_height")
        width_factor = op.number("scale_factor_width")
        new_height = _scale(height, height_factor)
        new_width = _scale(width, width_factor)
    return [(height, new_height), (width, new_width)]


def _scale(size: int, factor: float) -> int:
    """Multiply in float32, as coremltools does."""
    scaled = np.float32(size) * np.float32(factor)
    return int(scaled)


def _resize_linear(op: OperationContext, mode: str, width_only: bool = False) -> GraphTensor:
    x = op.float_tensor("x")
    (height, new_height), (width, new_width) = _resized_axes(op)
    # This mode samples between the pixels even if the size stays the same.
    always_interpolates = mode == "OFFSET_CORNERS"
    if new_height != height or (always_interpolates and not width_only):
        matrix = interpolation_matrix(height, new_height, mode)
        x = op.emit("MatMul", matrix, x)
    if new_width != width or always_interpolates:
        matrix = interpolation_matrix(width, new_width, mode)
        x = x @ matrix.T
    return op.cast_to_output(x)


def _resize_nearest(op: OperationContext, nearest_indices: NearestIndices) -> GraphTensor:
    (height, new_height), (width, new_width) = _resized_axes(op)
    rows = nearest_indices(height, new_height)
    rows = np.clip(rows, 0, height - 1)
    columns = nearest_indices(width, new_width)
    columns = np.clip(columns, 0, width - 1)
    x = op.gather(op.x, rows, -2)
    return op.gather(x, columns, -1)


def _floor_indices(size: int, new_size: int) -> NDArray[np.int64]:
    indices = np.arange(new_size, dtype=np.int64)
    return indices * size // new_size


def _rounded_indices(size: int, new_size: int, mode: str) -> NDArray[np.int64]:
    """Return the pixel nearest to each position of the mode, which only `resize` rounds."""
    positions = sampling_positions(size, new_size, mode)
    fractions = positions % 1
    if np.isclose(fractions, 0.5).any():
        message = "a nearest neighbour that is a tie, whose rounding Apple does not document"
        raise UnsupportedError(message)
    rounded = np.round(positions)
    return rounded.astype(np.int64)
