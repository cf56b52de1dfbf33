"""Images looked up at places that need not be pixels; x is [batch, channels, height, width].

A place is a row and a column, float32 and counted in pixels, each a tensor that broadcasts to [n, height, width].
"""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator
from edgebake.runtimes.coreml.executor.operators.sampling import positions

ALIGNED = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS")
PADDING = ("constant", "border", "reflection", "symmetric")
# The two axes of a box stand at these places of its four numbers: rows, columns.
HEIGHT_FIRST, WIDTH_FIRST = ((0, 2), (1, 3)), ((1, 3), (0, 2))
BOXES = {
    "CORNERS_HEIGHT_FIRST": HEIGHT_FIRST,
    "CORNERS_WIDTH_FIRST": WIDTH_FIRST,
    "CENTER_SIZE_HEIGHT_FIRST": HEIGHT_FIRST,
    "CENTER_SIZE_WIDTH_FIRST": WIDTH_FIRST,
}
# What `affine` lists as allowed.
AFFINE = {
    "sampling_mode": "bilinear",
    "padding_mode": "constant",
    "coordinates_mode": "normalized_minus_one_to_one",
}


@operator
def resample(call: OperationContext) -> str:
    """Return x at the coordinates (column, row)."""
    coordinates = call.real("coordinates")
    columns, rows = (
        call.emit("Gather", coordinates, call.literal(i, TensorProto.INT64), axis=-1)
        for i in (0, 1)
    )
    return _sampled(call, rows, columns)


@operator
def affine(call: OperationContext) -> str:
    """Return x at (a0 column + a1 row + a2, b0 column + b1 row + b2), where -1 and 1 are the middles of edge pixels."""
    for parameter, allowed in AFFINE.items():
        if call.text(parameter, allowed).lower() != allowed:
            raise UnsupportedError(f"{parameter} {call.text(parameter, allowed)}")
    if call.number("padding_value", 0.0) or not call.flag("align_corners"):
        raise UnsupportedError(
            "a padding_value or corners that are not aligned, neither of which Core ML supports"
        )
    height, width = call.integer("output_height"), call.integer("output_width")
    if 1 in (height, width):
        raise UnsupportedError(
            "one row or column, for which Apple does not document the coordinate"
        )
    row, column = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    grid = call.literal(np.stack([column.ravel(), row.ravel(), np.ones(height * width)]))
    places = call.emit("MatMul", call.reshape(call.real("transform_matrix"), [-1, 2, 3]), grid)
    columns, rows = call.emit_many(2, "Split", places, axis=1, num_outputs=2)
    return _sampled(
        call, call.reshape(rows, [-1, height, width]), call.reshape(columns, [-1, height, width])
    )


@operator
def crop_resize(call: OperationContext) -> str:
    """Return each box of x in another size, interpolated; places outside of the image have one value."""
    images, boxes = _boxes(call)
    rows = call.emit("Unsqueeze", _places_in_boxes(call, boxes, 0), call.indices([2]))
    columns = call.emit("Unsqueeze", _places_in_boxes(call, boxes, 1), call.indices([1]))
    picture = _Picture(call, images)
    inside = call.emit("Unsqueeze", picture.holds(rows, columns), call.indices([-1]))
    found = call.emit(
        "Where",
        inside,
        picture.bilinear(rows, columns),
        call.literal(call.number("pad_value", 0.0)),
    )
    found = call.transpose(found, [0, 3, 1, 2])
    # Before iOS 17 the images of the batch have an axis of their own.
    return (
        found
        if call.has("boxes")
        else call.reshape(found, [-1, *call.shape("x")[:2], *call.output_shape()[-2:]])
    )


def _sampled(call: OperationContext, rows: str, columns: str) -> str:
    """Return x at coordinates, as the parameters that `resample` and `affine` share say."""
    padding, mode = call.text("padding_mode", "").lower(), call.text("sampling_mode", "").lower()
    if padding not in PADDING:
        raise UnsupportedError(f"padding_mode {padding}")
    if mode not in ("bilinear", "nearest"):
        raise UnsupportedError(f"sampling_mode {mode}")
    batch, _, height, width = call.shape("x")
    rows = _folded(call, _pixels(call, rows, height), height, padding)
    columns = _folded(call, _pixels(call, columns, width), width, padding)
    images = call.literal(np.arange(batch).reshape(-1, 1, 1), TensorProto.INT64)
    picture = _Picture(
        call, images, call.number("padding_value", 0.0) if padding == "constant" else None
    )
    if mode == "nearest":
        # A tie goes to the even pixel, as in the grid_sample of PyTorch that coremltools converts to this operator.
        found = picture.at(call.emit("Round", rows), call.emit("Round", columns))
    else:
        found = picture.bilinear(rows, columns)
    return call.transpose(found, [0, 3, 1, 2])


def _pixels(call: OperationContext, coordinates: str, size: int) -> str:
    """Return coordinates along an axis in pixels."""
    mode, aligned = call.text("coordinates_mode", "").lower(), call.flag("align_corners")
    span = size - 1 if aligned else size
    if mode == "unnormalized":
        return coordinates
    if mode == "normalized_zero_to_one":
        scale, start = float(span), 0.0 if aligned else -0.5
    elif mode == "normalized_minus_one_to_one":
        scale, start = span / 2, (size - 1) / 2
    else:
        raise UnsupportedError(f"coordinates_mode {mode}")
    return call.emit("Add", call.emit("Mul", coordinates, call.literal(scale)), call.literal(start))


def _folded(call: OperationContext, places: str, size: int, padding: str) -> str:
    """Return places with those outside of the image moved to where the padding has its values from."""
    if padding == "constant":
        return places
    if padding != "border":
        # A mirror image repeats; the mirrors stand in the middle of edge pixels, or at their outer edges.
        mirror = 0.0 if padding == "reflection" else 0.5
        span = max(size - 1 + 2 * mirror, 1.0)
        away = call.emit("Abs", call.emit("Add", places, call.literal(mirror)))
        there = call.emit("Mod", away, call.literal(2 * span), fmod=1)
        back = call.emit("Abs", call.emit("Sub", there, call.literal(span)))
        places = call.emit("Sub", call.literal(span - mirror), back)
    return call.emit("Clip", places, call.literal(0), call.literal(size - 1))


class _Picture:
    """The pixels of x, and a value for those outside, if there is one; `images` says which image of the batch."""

    def __init__(self, call: OperationContext, images: str, outside: float | None = None) -> None:
        _, channels, *self.sizes = call.shape("x")
        self.call, self.images, self.outside = call, images, outside
        self.pixels = call.reshape(call.transpose(call.real("x"), [0, 2, 3, 1]), [-1, channels])

    def at(self, rows: str, columns: str) -> str:
        """Return pixels, [n, height, width, channels]."""
        call, number = self.call, self.images
        zero = call.literal(0, TensorProto.INT64)
        for places, size in zip((rows, columns), self.sizes, strict=True):
            last = call.literal(size - 1, TensorProto.INT64)
            nearest = call.emit("Clip", call.cast(places, TensorProto.INT64), zero, last)
            number = call.emit(
                "Add", call.emit("Mul", number, call.literal(size, TensorProto.INT64)), nearest
            )
        found = call.emit("Gather", self.pixels, number, axis=0)
        if self.outside is None:
            return found
        inside = call.emit("Unsqueeze", self.holds(rows, columns), call.indices([-1]))
        return call.emit("Where", inside, found, call.literal(self.outside))

    def holds(self, rows: str, columns: str) -> str:
        """Return whether places lie between the first and the last pixel of both axes."""
        inside = []
        for places, size in zip((rows, columns), self.sizes, strict=True):
            limited = self.call.emit(
                "Clip", places, self.call.literal(0), self.call.literal(size - 1)
            )
            inside.append(self.call.emit("Equal", places, limited))
        return self.call.emit("And", *inside)

    def bilinear(self, rows: str, columns: str) -> str:
        """Return what lies between four pixels."""
        top, bottom, down = self._between(rows)
        left, right, along = self._between(columns)
        above = self._mixed(self.at(top, left), self.at(top, right), along)
        below = self._mixed(self.at(bottom, left), self.at(bottom, right), along)
        return self._mixed(above, below, down)

    def _between(self, places: str) -> tuple[str, str, str]:
        before = self.call.emit("Floor", places)
        part = self.call.emit("Sub", places, before)
        after = self.call.emit("Add", before, self.call.literal(1))
        return before, after, self.call.emit("Unsqueeze", part, self.call.indices([-1]))

    def _mixed(self, first: str, second: str, part: str) -> str:
        rest = self.call.emit("Sub", self.call.literal(1), part)
        return self.call.emit(
            "Add", self.call.emit("Mul", first, rest), self.call.emit("Mul", second, part)
        )


def _boxes(call: OperationContext) -> tuple[str, str]:
    """Return for each box its image, [n, 1, 1], and its four numbers, [n, 4]."""
    batch = call.shape("x")[0]
    if call.has("boxes"):
        images = (call.optional("box_indices") or [call.indices(range(call.shape("boxes")[0]))])[0]
        boxes = call.real("boxes")
    elif call.shape("roi")[2] == 4:
        count = call.shape("roi")[0]
        images = call.indices(list(range(batch)) * count)  # every box of every image
        boxes = call.emit(
            "Expand", call.reshape(call.tensor("roi"), [-1, 1, 4]), call.indices([count, batch, 4])
        )
    elif batch == 1:
        images, boxes = call.emit_many(2, "Split", call.tensor("roi"), call.indices([1, 4]), axis=2)
    else:
        raise UnsupportedError(
            "boxes that name one of several images: coremltools declares another shape than it documents"
        )
    return call.reshape(call.cast(images, TensorProto.INT64), [-1, 1, 1]), call.reshape(
        boxes, [-1, 4]
    )


def _places_in_boxes(call: OperationContext, boxes: str, axis: int) -> str:
    """Return where the new rows (axis 0) or columns (1) of each box look, [n, places].

    They look as in `positions`, the first and the last pixel of the box in the place of those of the image.
    """
    first, last = _ends(call, boxes, axis)
    new = call.integer(("target_height", "target_width")[axis], 1)
    mode = call.text("sampling_mode", "DEFAULT")
    if mode == "UNALIGN_CORNERS":
        raise UnsupportedError(
            f"sampling_mode {mode}, on which coremltools' documentation and tests disagree"
        )
    if mode in ALIGNED:
        part = positions(2, new, mode)  # between 0, the first end, and 1, the last
        start = call.emit("Mul", first, call.literal(1 - part))
        return call.emit("Add", start, call.emit("Mul", last, call.literal(part)))
    length = call.emit("Sub", last, first)
    if mode == "DEFAULT":
        size = call.emit("Add", length, call.literal(1))
        steps = call.emit(
            "Max", call.emit("Mul", size, call.literal(np.arange(new) / new)), call.literal(0)
        )
    elif mode == "OFFSET_CORNERS":
        steps = call.emit(
            "Mul",
            call.emit("Max", length, call.literal(1)),
            call.literal((np.arange(new) + 0.5) / new),
        )
    else:
        raise UnsupportedError(f"sampling_mode {mode}")
    return call.emit("Min", call.emit("Add", first, steps), last)


def _ends(call: OperationContext, boxes: str, axis: int) -> tuple[str, str]:
    """Return the first and the last pixel of each box along an axis, [n, 1]."""
    mode = call.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
    if mode not in BOXES:
        raise UnsupportedError(f"box_coordinate_mode {mode}")
    scale = call.number("spatial_scale", 1.0)
    if call.flag("normalized_coordinates"):
        scale *= call.shape("x")[2 + axis] - 1
    scaled = call.emit("Mul", boxes, call.literal(scale))
    first, last = (
        call.emit("Gather", scaled, call.indices([place]), axis=1) for place in BOXES[mode][axis]
    )
    if mode.startswith("CORNERS"):
        return first, last
    middle, half = first, call.emit("Mul", last, call.literal(0.5))
    return call.emit("Sub", middle, half), call.emit("Add", middle, half)
