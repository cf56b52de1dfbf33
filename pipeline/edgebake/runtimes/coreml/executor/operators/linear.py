"""Translate matrix products."""

from edgebake.runtimes.coreml.executor.graph_builder import DOUBLE, FLOAT, INT32
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def linear(op: OperationContext) -> GraphTensor:
    """Return x W^T + bias; the weight W is [out, in]."""
    onnx_type = _product_type(op, "x", "weight")
    x = _factor(op, "x", onnx_type)
    weight = _factor(op, "weight", onnx_type)
    transposed_weight = op.transpose(weight, [1, 0])
    result = x @ transposed_weight
    if op.has("bias"):
        bias = op.cast(op.tensor("bias"), onnx_type)
        result = result + bias
    return op.cast(result, op.output_onnx_type())


@operator
def matmul(op: OperationContext) -> GraphTensor:
    """Return the matrix product of x and y."""
    onnx_type = _product_type(op, "x", "y")
    x = _factor(op, "x", onnx_type)
    y = _factor(op, "y", onnx_type)
    x = _apply_transpose_flag(op, "x", x)
    y = _apply_transpose_flag(op, "y", y)
    product = x @ y
    return op.cast(product, op.output_onnx_type())


@operator
def einsum(op: OperationContext) -> GraphTensor:
    """Return the sum of products that the equation defines."""
    equation = op.text("equation", "")
    factors = op.tensors("values")
    return op.emit("Einsum", *factors, equation=equation)


def _product_type(op: OperationContext, first: str, second: str) -> int:
    """Return the element type to multiply in. A float64 holds every int32, a float32 does not."""
    first_type = op.onnx_type(first)
    second_type = op.onnx_type(second)
    if first_type == second_type == INT32:
        return DOUBLE
    return FLOAT


def _factor(op: OperationContext, parameter: str, onnx_type: int) -> GraphTensor:
    if onnx_type == FLOAT:
        return op.float_tensor(parameter)
    tensor = op.tensor(parameter)
    return op.cast(tensor, onnx_type)


def _apply_transpose_flag(op: OperationContext, parameter: str, tensor: GraphTensor) -> GraphTensor:
    """Swap the last two axes of x or y if transpose_x or transpose_y is set; keep a vector."""
    rank = op.rank(parameter)
    if rank < 2 or not op.flag(f"transpose_{parameter}"):
        return tensor
    return op.swap_last_axes(tensor, rank)
