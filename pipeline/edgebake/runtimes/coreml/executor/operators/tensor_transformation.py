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
            index_from_end = index - len(shape)
            shape[index] = old_shape[index_from_end]
    return op.reshape(op.x, shape)


@exact_operator
def reshape_like(op: OperationContext) -> GraphTensor:
    """Return x in a shape composed of the sizes of other tensors."""
    shape = op.output_shape()
    return op.reshape(op.x, shape)


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
    all_axes = range(len(sizes))
    axes = op.integers("axes", all_axes)
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
    slices = _slices(op)
    sizes = op.shape("x")
    rank = len(sizes)
    for axis in range(rank):
        size = sizes[axis]
        first, last, stride = slices[axis].indices(size)
        if last < 0:
            last = BEFORE_START
        begin.append(first)
        end.append(last)
        strides.append(stride)
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
        axis_end = axis_size
        if sizes[axis] != -1:
            axis_end = begin[axis] + sizes[axis]
        end.append(axis_end)
    axes = range(len(end))
    return op.slice(op.x, begin, end, axes)


@exact_operator
def slice_update(op: OperationContext) -> GraphTensor:
    """Return x with a slice of it replaced (iOS 18)."""
    shape = op.shape("x")
    count = math.prod(shape)
    flat_indices = np.arange(count).reshape(shape)
    updated_indices = flat_indices[_slices(op)]
    updated = op.int64(updated_indices.reshape(-1))
    x = op.reshape(op.x, [-1])
    update = op.reshape(op.tensor("update"), [-1])
    result = op.emit("ScatterElements", x, updated, update, axis=0)
    return op.reshape(result, shape)


@exact_operator
def reverse(op: OperationContext) -> GraphTensor:
    """Return x reversed along axes."""
    all_axes = range(op.rank("x"))
    axes = op.integers("axes", all_axes)
    count = len(axes)
    last = op.int64([-1] * count)
    before_start = op.int64([BEFORE_START] * count)
    stride = last  # -1 as well
    return op.emit("Slice", op.x, last, before_start, op.int64(axes), stride)


@exact_operator
def reverse_sequence(op: OperationContext) -> GraphTensor:
    """Return x with the first `length` steps of each sequence reversed."""
    rank = op.rank("x")
    time_axis = op.integer("seq_axis", 0)
    batch_axis = op.integer("batch_axis", 0)
    axes = {time_axis % rank, batch_axis % rank}
    if axes != {0, 1}:
        raise UnsupportedError("reverse_sequence along axes other than 0 and 1")
    lengths = op.cast(op.tensor("lengths"), INT64)
    return op.emit("ReverseSequence", op.x, lengths, time_axis=time_axis, batch_axis=batch_axis)


@exact_operator
def sliding_windows(op: OperationContext) -> GraphTensor:
    """Return the windows along an axis, in a new axis."""
    axis = op.integer("axis") % op.rank("x")
    axis_size = op.shape("x")[axis]
    size = op.integer("size")
    stride = op.integer("stride", 1)
    count = (axis_size - size) // stride + 1
    first_indices = np.arange(count)[:, None] * stride
    indices = first_indices + np.arange(size)
    windows = op.literal(indices, INT64)
    return op.gather(op.x, windows, axis)


def _slices(op: OperationContext) -> tuple[slice, ...]:
    """Return the slice of each axis that begin, end, stride and their masks define."""
    rank = op.rank("x")
    ones = [1] * rank
    zeros = [0] * rank
    begin = op.integers("begin")
    end = op.integers("end")
    stride = op.integers("stride", ones)
    begin_mask = op.integers("begin_mask", zeros)
    end_mask = op.integers("end_mask", zeros)
    squeeze_mask = op.integers("squeeze_mask", zeros)
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
        axis_slice = slice(first, last, step)
        slices.append(axis_slice)
    return tuple(slices)
