"""Values read from, or written to, places that another tensor names."""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, exact, operator

REDUCTIONS = {
    "update": "none",
    "add": "add",
    "sub": "add",
    "mul": "mul",
    "div": "mul",
    "max": "max",
    "min": "min",
}


@exact
def gather(call: OperationContext) -> str:
    """Return the slices of x that the indices name along an axis."""
    axis, batch = call.integer("axis", 0) % call.rank("x"), call.integer("batch_dims", 0)
    batch %= call.rank("indices") + 1
    if batch == 0:
        return call.emit("Gather", call.tensor("x"), call.tensor("indices"), axis=axis)
    return _gather_in_batches(call, axis, batch)


@exact
def gather_along_axis(call: OperationContext) -> str:
    """Return the single values that the indices name along an axis."""
    return call.emit(
        "GatherElements", call.tensor("x"), call.tensor("indices"), axis=call.integer("axis", 0)
    )


@exact
def gather_nd(call: OperationContext) -> str:
    """Return what stands at places named by several indices each."""
    return call.emit(
        "GatherND", call.tensor("x"), _as_int64(call), batch_dims=call.integer("batch_dims", 0)
    )


@operator
def scatter(call: OperationContext) -> str:
    """Return data with whole slices along one axis replaced or combined."""
    rank, axis = call.rank("data"), call.integer("axis", 0) % call.rank("data")
    if call.rank("indices") != 1:
        raise UnsupportedError("indices that are no vector")
    order = [axis, *(other for other in range(rank) if other != axis)]
    places = call.emit("Unsqueeze", _as_int64(call), call.indices([-1]))
    data, updates = (
        call.transpose(call.tensor("data"), order),
        call.transpose(_updates(call), order),
    )
    written = call.emit("ScatterND", data, places, updates, reduction=_reduction(call))
    return call.transpose(written, np.argsort(order).tolist())


@operator
def scatter_along_axis(call: OperationContext) -> str:
    """Return data with single values along an axis replaced or combined."""
    axis, reduction = call.integer("axis", 0), _reduction(call)
    data, places = call.tensor("data"), call.tensor("indices")
    return call.emit(
        "ScatterElements", data, places, _updates(call), axis=axis, reduction=reduction
    )


@operator
def scatter_nd(call: OperationContext) -> str:
    """Return data with what stands at named places replaced or combined."""
    return call.emit(
        "ScatterND",
        call.tensor("data"),
        _as_int64(call),
        _updates(call),
        reduction=_reduction(call),
    )


def _gather_in_batches(call: OperationContext, axis: int, batch: int) -> str:
    """Return x[b, i, ...] with the batches in front; the axis that is gathered ends up where it stood."""
    rank, index_rank = call.rank("x"), call.rank("indices") - batch
    order = [*range(batch), axis, *(other for other in range(batch, rank) if other != axis)]
    places = call.emit("Unsqueeze", _as_int64(call), call.indices([-1]))
    found = call.emit("GatherND", call.transpose(call.tensor("x"), order), places, batch_dims=batch)
    between, behind = axis - batch, rank - axis - 1
    first = batch + index_rank
    back = [
        *range(batch),
        *range(first, first + between),
        *range(batch, first),
        *range(first + between, first + between + behind),
    ]
    return call.transpose(found, back)


def _as_int64(call: OperationContext) -> str:
    return call.cast(call.tensor("indices"), TensorProto.INT64)


def _reduction(call: OperationContext) -> str:
    mode = call.text("mode", "add")
    if mode not in REDUCTIONS:
        raise UnsupportedError(f"mode {mode}")
    return REDUCTIONS[mode]


def _updates(call: OperationContext) -> str:
    mode = call.text("mode", "add")
    if mode == "sub":
        return call.emit("Neg", call.tensor("updates"))
    if mode == "div" and call.carrier("data") != TensorProto.FLOAT:
        raise UnsupportedError("division of integers")
    return (
        call.emit("Reciprocal", call.real("updates")) if mode == "div" else call.tensor("updates")
    )
