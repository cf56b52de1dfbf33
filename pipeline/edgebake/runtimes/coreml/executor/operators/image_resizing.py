"""Images to other sizes; height and width are the last two axes.

Linear interpolation is written as one product with a matrix along each axis, so that every sampling mode has one form.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator
from edgebake.runtimes.coreml.executor.operators.sampling import interpolation, positions

Pick = Callable[
    [int, int], NDArray[np.int64]
]  # (size, new size) -> the index that each new place shows


@operator
def upsample_bilinear(call: OperationContext) -> str:
    """Return x scaled up by two factors, interpolated."""
    corners = call.flag("align_corners", True)
    if corners:
        return _linear(call, "STRICT_ALIGN_CORNERS")
    return _linear(call, "UNALIGN_CORNERS" if call.flag("half_pixel_centers", True) else "DEFAULT")


@operator
def resize_bilinear(call: OperationContext) -> str:
    """Return x in another size, interpolated."""
    return _linear(call, call.text("sampling_mode", "DEFAULT"))


@operator
def upsample_nearest_neighbor(call: OperationContext) -> str:
    """Return x scaled up by two factors, values repeated."""
    return _nearest(call, _floor)


@operator
def resize_nearest_neighbor(call: OperationContext) -> str:
    """Return x in another size, values repeated or left out."""
    return _nearest(call, _floor)


@operator
def resize(call: OperationContext) -> str:
    """Return x in another size of its last one or two axes (iOS 17)."""
    mode, count = call.text("sampling_mode", "DEFAULT"), call.integer("resized_dims")
    if count > 2 and call.shape("x")[:-2] != call.output_shape()[:-2]:
        raise UnsupportedError("resizing of more than two axes")
    if call.text("interpolation_mode", "LINEAR") == "NEAREST_NEIGHBOR":
        return _nearest(call, lambda size, new: _round(size, new, mode))
    return _linear(call, mode, columns_alone=count == 1)


@operator
def crop(call: OperationContext) -> str:
    """Return x less some rows and columns at its edges."""
    (top, bottom), (left, right) = call.integers("crop_height"), call.integers("crop_width")
    height, width = call.shape("x")[-2:]
    ends = call.indices([height - bottom, width - right])
    return call.emit(
        "Slice", call.tensor("x"), call.indices([top, left]), ends, call.indices([-2, -1])
    )


def _sizes(call: OperationContext) -> list[tuple[int, int]]:
    """Return old and new size of height and width."""
    old = call.shape("x")[-2:]
    if call.is_declared() or not call.has("scale_factor_height"):
        return list(zip(old, call.output_shape()[-2:], strict=True))
    # Upsampling of a size that the input decides; coremltools multiplies in float32 too.
    factors = [np.float32(call.number(f"scale_factor_{axis}")) for axis in ("height", "width")]
    return [
        (size, int(np.float32(size) * factor)) for size, factor in zip(old, factors, strict=True)
    ]


def _linear(call: OperationContext, mode: str, columns_alone: bool = False) -> str:
    x = call.real("x")
    (height, new_height), (width, new_width) = _sizes(call)
    samples = mode == "OFFSET_CORNERS"  # looks between the places even where the size stays
    if new_height != height or (samples and not columns_alone):
        x = call.emit("MatMul", call.literal(interpolation(height, new_height, mode)), x)
    if new_width != width or samples:
        x = call.emit("MatMul", x, call.literal(interpolation(width, new_width, mode).T))
    return call.as_declared(x)


def _nearest(call: OperationContext, pick: Pick) -> str:
    x = call.tensor("x")
    for axis, (size, new) in zip((-2, -1), _sizes(call), strict=True):
        chosen = np.clip(pick(size, new), 0, size - 1)
        x = call.emit("Gather", x, call.indices(chosen), axis=axis)
    return x


def _floor(size: int, new: int) -> NDArray[np.int64]:
    return np.arange(new, dtype=np.int64) * size // new


def _round(size: int, new: int, mode: str) -> NDArray[np.int64]:
    """Return the nearest index; unlike the older operators, `resize` rounds the places that its mode samples."""
    places = positions(size, new, mode)
    if np.isclose(places % 1, 0.5).any():
        raise UnsupportedError(
            "a nearest neighbour that is a tie, whose rounding Apple does not document"
        )
    return np.round(places).astype(np.int64)
