"""Read pixels of images at rows and columns that are tensors of the graph."""

from edgebake.runtimes.coreml.executor.graph_builder import INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext


class ImageSampler:
    """The images of the parameter x, [batch, channels, height, width].

    Rows and columns are in pixels and broadcast to [n, height, width], as do `image_indices`,
    int64, the image of the batch to read. Every method returns [n, height, width, channels].
    """

    def __init__(
        self, op: OperationContext, image_indices: GraphTensor, padding_value: float | None = None
    ) -> None:
        """Without a padding value, positions outside of an image read its edge."""
        self._op = op
        self._image_indices = image_indices
        self._padding_value = padding_value
        _, channels, *self._sizes = op.shape("x")
        images = op.float_tensor("x")
        channels_last = op.transpose(images, [0, 2, 3, 1])
        self._pixels = op.reshape(channels_last, [-1, channels])

    def at(self, rows: GraphTensor, columns: GraphTensor) -> GraphTensor:
        """Return the pixels at whole rows and columns."""
        op = self._op
        pixel_index = self._image_indices
        zero = op.literal(0, INT64)
        for positions, size in zip((rows, columns), self._sizes, strict=True):
            last = op.literal(size - 1, INT64)
            index = op.cast(positions, INT64)
            axis_size = op.literal(size, INT64)
            axis_start = pixel_index * axis_size
            clipped = op.clip(index, zero, last)
            pixel_index = axis_start + clipped
        pixels = op.gather(self._pixels, pixel_index, 0)
        if self._padding_value is None:
            return pixels
        is_inside = self.contains(rows, columns)
        is_inside = op.unsqueeze(is_inside, -1)
        return op.where(is_inside, pixels, self._padding_value)

    def contains(self, rows: GraphTensor, columns: GraphTensor) -> GraphTensor:
        """Return whether positions are between the first and the last pixel of both axes.

        The result is a bool tensor of the shape of the positions.
        """
        height, width = self._sizes
        rows_inside = self._contains_along_axis(rows, height)
        columns_inside = self._contains_along_axis(columns, width)
        return self._op.emit("And", rows_inside, columns_inside)

    def _contains_along_axis(self, positions: GraphTensor, size: int) -> GraphTensor:
        last = size - 1
        clipped = self._op.clip(positions, 0, last)
        return self._op.emit("Equal", positions, clipped)

    def bilinear(self, rows: GraphTensor, columns: GraphTensor) -> GraphTensor:
        """Return the bilinear interpolation of the four pixels around each position."""
        top, bottom, row_fraction = self._neighbors(rows)
        left, right, column_fraction = self._neighbors(columns)
        top_left = self.at(top, left)
        top_right = self.at(top, right)
        above = _interpolate(top_left, top_right, column_fraction)
        bottom_left = self.at(bottom, left)
        bottom_right = self.at(bottom, right)
        below = _interpolate(bottom_left, bottom_right, column_fraction)
        return _interpolate(above, below, row_fraction)

    def _neighbors(self, positions: GraphTensor) -> tuple[GraphTensor, GraphTensor, GraphTensor]:
        """Return the pixels before and after positions, and how far between these they are."""
        before = self._op.emit("Floor", positions)
        fraction = positions - before
        after = before + 1
        fraction = self._op.unsqueeze(fraction, -1)
        return before, after, fraction


def _interpolate(first: GraphTensor, second: GraphTensor, fraction: GraphTensor) -> GraphTensor:
    return first * (1 - fraction) + second * fraction
