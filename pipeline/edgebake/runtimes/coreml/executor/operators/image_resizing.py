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
    return _resize_linear(op, op.text("sampling_mode", "DEFAULT"))


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
    resized_axes = op.integer("resized_dims")
    if resized_axes > 2 and op.shape("x")[:-2] != op.output_shape()[:-2]:
        raise UnsupportedError("resizing of more than two axes")
    if op.text("interpolation_mode", "LINEAR") != "NEAREST_NEIGHBOR":
        return _resize_linear(op, mode, width_only=resized_axes == 1)

    def rounded_indices(size: int, new_size: int) -> NDArray[np.int64]:
        return _rounded_indices(size, new_size, mode)

    return _resize_nearest(op, rounded_indices)


@operator
def crop(op: OperationContext) -> GraphTensor:
    """Return x without some rows and columns at its edges."""
    top, bottom = op.integers("crop_height")
    left, right = op.integers("crop_width")
    height, width = op.shape("x")[-2:]
    end = op.int64([height - bottom, width - right])
    return op.emit("Slice", op.tensor("x"), op.int64([top, left]), end, op.int64([-2, -1]))


def _resized_axes(op: OperationContext) -> list[tuple[int, int]]:
    """Return the old and the new size of height and width."""
    sizes = op.shape("x")[-2:]
    if op.has_static_output() or not op.has("scale_factor_height"):
        return list(zip(sizes, op.output_shape()[-2:], strict=True))
    # The size depends on the input of the program. coremltools multiplies in float32 too.
    axes = []
    for size, axis in zip(sizes, ("height", "width"), strict=True):
        factor = np.float32(op.number(f"scale_factor_{axis}"))
        axes.append((size, int(np.float32(size) * factor)))
    return axes


def _resize_linear(op: OperationContext, mode: str, width_only: bool = False) -> GraphTensor:
    x = op.float_tensor("x")
    (height, new_height), (width, new_width) = _resized_axes(op)
    # This mode samples between the pixels even if the size stays the same.
    always_interpolates = mode == "OFFSET_CORNERS"
    if new_height != height or (always_interpolates and not width_only):
        x = op.emit("MatMul", interpolation_matrix(height, new_height, mode), x)
    if new_width != width or always_interpolates:
        x = op.emit("MatMul", x, interpolation_matrix(width, new_width, mode).T)
    return op.cast_to_output(x)


def _resize_nearest(op: OperationContext, nearest_indices: NearestIndices) -> GraphTensor:
    x = op.tensor("x")
    for axis, (size, new_size) in zip((-2, -1), _resized_axes(op), strict=True):
        indices = np.clip(nearest_indices(size, new_size), 0, size - 1)
        x = op.emit("Gather", x, op.int64(indices), axis=axis)
    return x


def _floor_indices(size: int, new_size: int) -> NDArray[np.int64]:
    return np.arange(new_size, dtype=np.int64) * size // new_size


def _rounded_indices(size: int, new_size: int, mode: str) -> NDArray[np.int64]:
    """Return the pixel nearest to each position of the mode, which only `resize` rounds."""
    positions = sampling_positions(size, new_size, mode)
    if np.isclose(positions % 1, 0.5).any():
        message = "a nearest neighbour that is a tie, whose rounding Apple does not document"
        raise UnsupportedError(message)
    return np.round(positions).astype(np.int64)
