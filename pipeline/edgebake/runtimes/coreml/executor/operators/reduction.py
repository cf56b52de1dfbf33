"""Translate reductions along axes."""

from edgebake.runtimes.coreml.executor.graph_builder import FLOAT, INT32
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import TRANSLATORS, operator

REDUCTIONS = {
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


def _reduce(op: OperationContext, onnx_name: str) -> GraphTensor:
    all_axes = range(op.rank("x"))
    axes = op.integers("axes", all_axes)
    keep_dims = op.flag("keep_dims")
    x = op.x
    axes_tensor = op.int64(axes)
    return op.emit(onnx_name, x, axes_tensor, keepdims=int(keep_dims))


def _register_reduction(name: str, onnx_name: str) -> None:
    def translate(op: OperationContext) -> GraphTensor:
        return _reduce(op, onnx_name)

    TRANSLATORS[name] = translate


for _name, _onnx_name in REDUCTIONS.items():
    _register_reduction(_name, _onnx_name)


@operator
def reduce_log_sum(op: OperationContext) -> GraphTensor:
    """Return log(sum of x + epsilon)."""
    total = _reduce(op, "ReduceSum")
    total = op.cast(total, FLOAT)
    epsilon = op.number("epsilon", 1e-45)
    logarithm = op.emit("Log", total + epsilon)
    return op.cast_to_output(logarithm)


@operator
def reduce_argmax(op: OperationContext) -> GraphTensor:
    """Return the index of the maximum."""
    return _reduce_to_index(op, "ArgMax")


@operator
def reduce_argmin(op: OperationContext) -> GraphTensor:
    """Return the index of the minimum."""
    return _reduce_to_index(op, "ArgMin")


def _reduce_to_index(op: OperationContext, onnx_name: str) -> GraphTensor:
    axis = op.integer("axis", -1)
    keep_dims = int(op.flag("keep_dims"))
    index = op.emit(onnx_name, op.x, axis=axis, keepdims=keep_dims)
    return op.cast(index, INT32)
