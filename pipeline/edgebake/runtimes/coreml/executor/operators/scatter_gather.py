"""Translate operators that read or write values at indices given by another tensor."""

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import FLOAT, INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import exact_operator, operator

# Core ML's mode -> ONNX's reduction; for `sub` and `div`, _updates inverts the updates.
REDUCTIONS = {
    "update": "none",
    "add": "add",
    "sub": "add",
    "mul": "mul",
    "div": "mul",
    "max": "max",
    "min": "min",
}


@exact_operator
def gather(op: OperationContext) -> GraphTensor:
    """Return the slices of x along an axis that the indices select."""
    rank = op.rank("x")
    index_rank = op.rank("indices")
    axis = op.integer("axis", 0) % rank
    batch_dims = op.integer("batch_dims", 0) % (index_rank + 1)
    if batch_dims == 0:
        return op.gather(op.x, op.tensor("indices"), axis)
    return _gather_in_batches(op, axis, batch_dims)


@exact_operator
def gather_along_axis(op: OperationContext) -> GraphTensor:
    """Return single values: the indices replace the coordinate of one axis."""
    axis = op.integer("axis", 0)
    x = op.x
    indices = op.tensor("indices")
    return op.emit("GatherElements", x, indices, axis=axis)


@exact_operator
def gather_nd(op: OperationContext) -> GraphTensor:
    """Return the slices of x at coordinates: the last axis of the indices."""
    batch_dims = op.integer("batch_dims", 0)
    x = op.x
    indices = _indices(op)
    return op.emit("GatherND", x, indices, batch_dims=batch_dims)


@operator
def scatter(op: OperationContext) -> GraphTensor:
    """Return data with slices along an axis replaced by updates, or combined with them."""
    if op.rank("indices") != 1:
        raise UnsupportedError("indices that are no vector")
    rank = op.rank("data")
    axis = op.integer("axis", 0) % rank
    order = _axis_first(axis, range(rank))
    data = op.transpose(op.tensor("data"), order)
    updates = op.transpose(_updates(op), order)
    indices = op.unsqueeze(_indices(op), -1)
    scattered = op.emit("ScatterND", data, indices, updates, reduction=_reduction(op))
    restored_order = np.argsort(order).tolist()
    return op.transpose(scattered, restored_order)


@operator
def scatter_along_axis(op: OperationContext) -> GraphTensor:
    """Return data with single values replaced by updates, or combined with them.

    The indices replace the coordinate of one axis.
    """
    axis = op.integer("axis", 0)
    data = op.tensor("data")
    indices = op.tensor("indices")
    updates = _updates(op)
    return op.emit("ScatterElements", data, indices, updates, axis=axis, reduction=_reduction(op))


@operator
def scatter_nd(op: OperationContext) -> GraphTensor:
    """Return data with the slices at coordinates replaced by updates, or combined with them."""
    data = op.tensor("data")
    updates = _updates(op)
    indices = _indices(op)
    return op.emit("ScatterND", data, indices, updates, reduction=_reduction(op))


def _gather_in_batches(op: OperationContext, axis: int, batch_dims: int) -> GraphTensor:
    """Gather along an axis, with the first `batch_dims` axes of x and indices in common."""
    rank = op.rank("x")
    index_rank = op.rank("indices") - batch_dims
    inner_axes = range(batch_dims, rank)
    order = [*range(batch_dims), *_axis_first(axis, inner_axes)]
    batched = op.transpose(op.x, order)
    indices = op.unsqueeze(_indices(op), -1)
    gathered = op.emit("GatherND", batched, indices, batch_dims=batch_dims)
    # Move the axes of the indices from behind the batch to where the gathered axis was.
    index_end = batch_dims + index_rank
    axes_before = axis - batch_dims
    axes_after = rank - axis - 1
    before_end = index_end + axes_before
    restored_order = [
        *range(batch_dims),
        *range(index_end, before_end),
        *range(batch_dims, index_end),
        *range(before_end, before_end + axes_after),
    ]
    return op.transpose(gathered, restored_order)


def _axis_first(axis: int, axes: range) -> list[int]:
    remaining = [other_axis for other_axis in axes if other_axis != axis]
    return [axis, *remaining]


def _indices(op: OperationContext) -> GraphTensor:
    indices = op.tensor("indices")
    return op.cast(indices, INT64)


def _reduction(op: OperationContext) -> str:
    mode = op.text("mode", "add")
    if mode not in REDUCTIONS:
        raise UnsupportedError(f"mode {mode}")
    return REDUCTIONS[mode]


def _updates(op: OperationContext) -> GraphTensor:
    """Return the updates; for `sub` negated and for `div` inverted."""
    mode = op.text("mode", "add")
    if mode == "sub":
        updates = op.tensor("updates")
        return op.emit("Neg", updates)
    if mode != "div":
        return op.tensor("updates")
    if op.onnx_type("data") != FLOAT:
        raise UnsupportedError("division of integers")
    divisors = op.float_tensor("updates")
    return op.emit("Reciprocal", divisors)
