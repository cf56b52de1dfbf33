"""Many numbers along some axes in, one out."""

from onnx import TensorProto

from edgebake.runtimes.coreml.executor.operation_context import (
    OperationContext,
    Translator,
    operator,
)

ALIKE = {
    "reduce_l1_norm": "ReduceL1",
    "reduce_l2_norm": "ReduceL2",
    "reduce_log_sum_exp": "ReduceLogSumExp",
    "reduce_max": "ReduceMax",
    "reduce_mean": "ReduceMean",
    "reduce_min": "ReduceMin",
    "reduce_prod": "ReduceProd",
    "reduce_sum": "ReduceSum",
    "reduce_sum_square": "ReduceSumSquare",
}


def _reduced(call: OperationContext, kind: str) -> str:
    axes = call.integers("axes", range(call.rank("x")))
    return call.emit(
        kind, call.tensor("x"), call.indices(axes), keepdims=int(call.flag("keep_dims"))
    )


def _alike(kind: str) -> Translator:
    return lambda call: _reduced(call, kind)


for _name, _kind in ALIKE.items():
    operator(_alike(_kind), _name)


@operator
def reduce_log_sum(call: OperationContext) -> str:
    """Return log(sum of x + epsilon)."""
    total = call.cast(_reduced(call, "ReduceSum"), TensorProto.FLOAT)
    shifted = call.emit("Add", total, call.literal(call.number("epsilon", 1e-45)))
    return call.as_declared(call.emit("Log", shifted))


@operator
def reduce_argmax(call: OperationContext) -> str:
    """Return where the maximum stands."""
    return _extreme(call, "ArgMax")


@operator
def reduce_argmin(call: OperationContext) -> str:
    """Return where the minimum stands."""
    return _extreme(call, "ArgMin")


def _extreme(call: OperationContext, kind: str) -> str:
    keeps = int(call.flag("keep_dims"))
    found = call.emit(kind, call.tensor("x"), axis=call.integer("axis", -1), keepdims=keeps)
    return call.cast(found, TensorProto.INT32)
