"""Translate operators that move blocks of pixels to channels or to the batch, and back."""

import math

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import exact_operator


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
    new_channels = channels * factor * factor
    split_shape = [n, channels, new_height, factor, new_width, factor]
    blocks = op.reshape(op.x, split_shape)
    blocks_first = op.transpose(blocks, [0, 1, 3, 5, 2, 4])
    new_shape = [n, new_channels, new_height, new_width]
    return op.reshape(blocks_first, new_shape)


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
    pads_begin = [0, 0, *begin, *zeros]
    pads_end = [0, 0, *end, *zeros]
    pads = op.int64(pads_begin + pads_end)
    padded = op.emit("Pad", op.x, pads)
    block_counts = []
    split_sizes = []
    for axis, block in enumerate(block_shape):
        padded_size = begin[axis] + sizes[axis] + end[axis]
        block_count = padded_size // block
        block_counts.append(block_count)
        split_sizes += [block_count, block]
    split_shape = [n, channels, *split_sizes, *other_sizes]
    blocks = op.reshape(padded, split_shape)
    blocks_end = 2 + 2 * block_rank
    rank = blocks_end + len(other_sizes)
    order = [
        *range(3, blocks_end, 2),  # the position in the block
        *(0, 1),
        *range(2, blocks_end, 2),  # the block
        *range(blocks_end, rank),
    ]
    blocks = op.transpose(blocks, order)
    batch = n * math.prod(block_shape)
    new_shape = [batch, channels, *block_counts, *other_sizes]
    return op.reshape(blocks, new_shape)


@exact_operator
def batch_to_space(op: OperationContext) -> GraphTensor:
    """Return x with images of the batch moved to blocks of pixels, then cropped."""
    block_shape = op.integers("block_shape")
    n, channels, *sizes = op.shape("x")
    block_rank = len(block_shape)
    other_sizes = sizes[block_rank:]
    batch = n // math.prod(block_shape)
    split_shape = [*block_shape, batch, channels, *sizes]
    blocks = op.reshape(op.x, split_shape)
    order = [block_rank, block_rank + 1]
    full_sizes = []
    for axis, block in enumerate(block_shape):
        block_axis = block_rank + 2 + axis
        order += [block_axis, axis]  # the block, the position in it
        full_sizes.append(sizes[axis] * block)
    blocks_end = 2 + 2 * block_rank
    rank = blocks_end + len(other_sizes)
    order += range(blocks_end, rank)
    joined = op.transpose(blocks, order)
    joined_shape = [batch, channels, *full_sizes, *other_sizes]
    joined = op.reshape(joined, joined_shape)
    crops = op.constant("crops").reshape(-1, 2)
    begin_crops, end_crops = crops.T.tolist()
    end = []
    for size, crop in zip(full_sizes, end_crops, strict=True):
        end.append(size - crop)
    block_axes = range(2, 2 + block_rank)
    return op.slice(joined, begin_crops, end, block_axes)
