"""Translate operators that change the shape of a tensor or the order of its values."""

import math

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import exact_operator

BEFORE_START = -(2**31)  # the end of a backward slice that includes the first value
BEYOND_END = 2**31 - 1  # a stride that reaches no second value


@exact_operator
def reshape(op: OperationContext) -> GraphTensor:
    """Return x in another shape."""
    if op.has_static_output():
        return op.reshape(op.x, op.output_shape())
    # A 0 keeps the size at the same distance from the end (iOS 17); ONNX counts from the front.
    old_shape = op.shape("x")
    shape = op.integers("shape")
    for index, size in enumerate(shape):
        if size == 0:
            shape[index] = old_shape[index - len(shape)]
    return op.reshape(op.x, shape)


@exact_operator
def reshape_like(op: OperationContext) -> GraphTensor:
    """Return x in a shape composed of the sizes of other tensors."""
    return op.reshape(op.x, op.output_shape())


@exact_operator
def flatten2d(op: OperationContext) -> GraphTensor:
    """Return x as a matrix."""
    axis = op.integer("axis", 1)
    return op.emit("Flatten", op.x, axis=axis)


@exact_operator
def expand_dims(op: OperationContext) -> GraphTensor:
    """Return x with axes of size 1 inserted."""
    axes = op.int64(op.integers("axes"))
    return op.emit("Unsqueeze", op.x, axes)


@exact_operator
def squeeze(op: OperationContext) -> GraphTensor:
    """Return x without the axes of size 1 among those listed; larger ones stay."""
    sizes = op.shape("x")
    axes = op.integers("axes", range(len(sizes)))
    removable = [axis for axis in axes if sizes[axis] == 1]
    if not removable:
        return op.emit("Identity", op.x)
    return op.emit("Squeeze", op.x, op.int64(removable))


@exact_operator
def transpose(op: OperationContext) -> GraphTensor:
    """Return x with its axes permuted."""
    rank = op.rank("x")
    order = [axis % rank for axis in op.integers("perm")]
    return op.transpose(op.x, order)


@exact_operator
def slice_by_index(op: OperationContext) -> GraphTensor:
    """Return the slice of x from begin to end by stride."""
    begin = []
    end = []
    strides = []
    for axis_slice, size in zip(_slices(op), op.shape("x"), strict=True):
        first, last, stride = axis_slice.indices(size)
        if last < 0:
            last = BEFORE_START
        begin.append(first)
        end.append(last)
        strides.append(stride)
    rank = len(begin)
    values = op.slice(op.x, begin, end, range(rank), strides)
    mask = op.integers("squeeze_mask", [0] * rank)
    squeezed_axes = [axis for axis in range(rank) if mask[axis]]
    if not squeezed_axes:
        return values
    return op.emit("Squeeze", values, op.int64(squeezed_axes))


@exact_operator
def slice_by_size(op: OperationContext) -> GraphTensor:
    """Return the block of x at begin of a size; a size of -1 extends to the end of the axis."""
    begin = op.integers("begin")
    sizes = op.integers("size")
    end = []
    for axis, axis_size in enumerate(op.shape("x")):
        if begin[axis] < 0:
            begin[axis] %= axis_size
        if sizes[axis] == -1:
            end.append(axis_size)
        else:
            end.append(begin[axis] + sizes[axis])
    return op.slice(op.x, begin, end, range(len(end)))


@exact_operator
def slice_update(op: OperationContext) -> GraphTensor:
    """Return x with a slice of it replaced (iOS 18)."""
    shape = op.shape("x")
    flat_indices = np.arange(math.prod(shape)).reshape(shape)
    updated = op.int64(flat_indices[_slices(op)].reshape(-1))
    x = op.reshape(op.x, [-1])
    update = op.reshape(op.tensor("update"), [-1])
    result = op.emit("ScatterElements", x, updated, update, axis=0)
    return op.reshape(result, shape)


@exact_operator
def reverse(op: OperationContext) -> GraphTensor:
    """Return x reversed along axes."""
    axes = op.integers("axes", range(op.rank("x")))
    last = op.int64([-1] * len(axes))
    before_start = op.int64([BEFORE_START] * len(axes))
    stride = last  # -1 as well
    return op.emit("Slice", op.x, last, before_start, op.int64(axes), stride)


@exact_operator
def reverse_sequence(op: OperationContext) -> GraphTensor:
    """Return x with the first `length` steps of each sequence reversed."""
    time_axis = op.integer("seq_axis", 0)
    batch_axis = op.integer("batch_axis", 0)
    rank = op.rank("x")
    if {time_axis % rank, batch_axis % rank} != {0, 1}:
        raise UnsupportedError("reverse_sequence along axes other than 0 and 1")
    lengths = op.cast(op.tensor("lengths"), INT64)
    return op.emit("ReverseSequence", op.x, lengths, time_axis=time_axis, batch_axis=batch_axis)


@exact_operator
def sliding_windows(op: OperationContext) -> GraphTensor:
    """Return the windows along an axis, in a new axis."""
    axis = op.integer("axis") % op.rank("x")
    size = op.integer("size")
    stride = op.integer("stride", 1)
    count = (op.shape("x")[axis] - size) // stride + 1
    first_indices = np.arange(count)[:, None] * stride
    windows = op.literal(first_indices + np.arange(size), INT64)
    return op.gather(op.x, windows, axis)


@exact_operator
def depth_to_space(op: OperationContext) -> GraphTensor:
    """Return x with blocks of channels moved to pixels, the block before the channel."""
    block_size = op.integer("block_size")
    return op.emit("DepthToSpace", op.x, blocksize=block_size, mode="DCR")


@exact_operator
def space_to_depth(op: OperationContext) -> GraphTensor:
    """Return x with blocks of pixels moved to channels, the block before the channel."""
    block_size = op.integer("block_size")
    return op.emit("SpaceToDepth", op.x, blocksize=block_size)


@exact_operator
def pixel_shuffle(op: OperationContext) -> GraphTensor:
    """Return x with blocks of channels moved to pixels, the channel before the block."""
    factor = op.integer("upscale_factor")
    return op.emit("DepthToSpace", op.x, blocksize=factor, mode="CRD")


@exact_operator
def pixel_unshuffle(op: OperationContext) -> GraphTensor:
    """Return x with blocks of pixels moved to channels, the channel before the block."""
    factor = op.integer("downscale_factor")
    n, channels, height, width = op.shape("x")
    new_height = height // factor
    new_width = width // factor
    blocks = op.reshape(op.x, [n, channels, new_height, factor, new_width, factor])
    blocks_first = op.transpose(blocks, [0, 1, 3, 5, 2, 4])
    new_channels = channels * factor * factor
    return op.reshape(blocks_first, [n, new_channels, new_height, new_width])


@exact_operator
def space_to_batch(op: OperationContext) -> GraphTensor:
    """Return x padded, with blocks of pixels moved to the batch."""
    block_shape = op.integers("block_shape")
    n, channels, *sizes = op.shape("x")
    block_rank = len(block_shape)
    other_sizes = sizes[block_rank:]
    paddings = op.constant("paddings").reshape(-1, 2)
    begin, end = paddings.T.tolist()
    zeros = [0] * len(other_sizes)
    pads = [0, 0, *begin, *zeros, 0, 0, *end, *zeros]
    padded = op.emit("Pad", op.x, op.int64(pads))
    block_counts = []
    split_sizes = []
    for axis, block in enumerate(block_shape):
        padded_size = begin[axis] + sizes[axis] + end[axis]
        block_count = padded_size // block
        block_counts.append(block_count)
        split_sizes += [block_count, block]
    blocks = op.reshape(padded, [n, channels, *split_sizes, *other_sizes])
    blocks_end = 2 + 2 * block_rank
    order = [
        *range(3, blocks_end, 2),  # the position in the block
        *(0, 1),
        *range(2, blocks_end, 2),  # the block
        *range(blocks_end, blocks_end + len(other_sizes)),
    ]
    batch = n * math.prod(block_shape)
    blocks = op.transpose(blocks, order)
    return op.reshape(blocks, [batch, channels, *block_counts, *other_sizes])


@exact_operator
def batch_to_space(op: OperationContext) -> GraphTensor:
    """Return x with images of the batch moved to blocks of pixels, then cropped."""
    block_shape = op.integers("block_shape")
    n, channels, *sizes = op.shape("x")
    block_rank = len(block_shape)
    other_sizes = sizes[block_rank:]
    batch = n // math.prod(block_shape)
    blocks = op.reshape(op.x, [*block_shape, batch, channels, *sizes])
    order = [block_rank, block_rank + 1]
    full_sizes = []
    for axis, block in enumerate(block_shape):
        order += [block_rank + 2 + axis, axis]  # the block, the position in it
        full_sizes.append(sizes[axis] * block)
    blocks_end = 2 + 2 * block_rank
    order += range(blocks_end, blocks_end + len(other_sizes))
    joined = op.transpose(blocks, order)
    joined = op.reshape(joined, [batch, channels, *full_sizes, *other_sizes])
    crops = op.constant("crops").reshape(-1, 2)
    begin_crops, end_crops = crops.T.tolist()
    end = [size - crop for size, crop in zip(full_sizes, end_crops, strict=True)]
    return op.slice(joined, begin_crops, end, range(2, 2 + block_rank))


def _slices(op: OperationContext) -> tuple[slice, ...]:
    """Return the slice of each axis that begin, end, stride and their masks define."""
    rank = op.rank("x")
    begin = op.integers("begin")
    end = op.integers("end")
    stride = op.integers("stride", [1] * rank)
    begin_mask = op.integers("begin_mask", [0] * rank)
    end_mask = op.integers("end_mask", [0] * rank)
    squeeze_mask = op.integers("squeeze_mask", [0] * rank)
    slices = []
    for axis in range(rank):
        first: int | None = begin[axis]
        last: int | None = end[axis]
        step = stride[axis]
        if begin_mask[axis]:
            first = None
        if end_mask[axis]:
            last = None
        if squeeze_mask[axis]:  # only the value at begin
            last = None
            step = BEYOND_END
        slices.append(slice(first, last, step))
    return tuple(slices)
