"""Matrix products."""

from onnx import TensorProto

from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator


@operator
def linear(call: OperationContext) -> str:
    """Return x W^T + b; the weight is [out, in]."""
    x, weight = _both(call, "x", "weight")
    product = call.emit("MatMul", x, call.transpose(weight, [1, 0]))
    if call.has("bias"):
        product = call.emit(
            "Add", product, call.cast(call.tensor("bias"), _carrier(call, "x", "weight"))
        )
    return call.cast(product, call.output_carrier())


@operator
def matmul(call: OperationContext) -> str:
    """Return the matrix product of x and y."""
    x, y = _both(call, "x", "y")
    return call.cast(
        call.emit("MatMul", _side(call, "x", x), _side(call, "y", y)), call.output_carrier()
    )


@operator
def einsum(call: OperationContext) -> str:
    """Return the sum of products that the equation says."""
    return call.emit("Einsum", *call.tensors("values"), equation=call.text("equation", ""))


def _carrier(call: OperationContext, *parameters: str) -> int:
    """Return the carrier to multiply in: float32 does not hold every integer, float64 does."""
    integers = all(call.carrier(parameter) == TensorProto.INT32 for parameter in parameters)
    return TensorProto.DOUBLE if integers else TensorProto.FLOAT


def _both(call: OperationContext, *parameters: str) -> list[str]:
    carrier = _carrier(call, *parameters)
    if carrier == TensorProto.FLOAT:
        return [call.real(parameter) for parameter in parameters]
    return [call.cast(call.tensor(parameter), carrier) for parameter in parameters]


def _side(call: OperationContext, parameter: str, tensor: str) -> str:
    """Return x or y, its last two axes exchanged where the operation says so; a vector has none to exchange."""
    rank = call.rank(parameter)
    if rank < 2 or not call.flag(f"transpose_{parameter}"):
        return tensor
    return call.transpose(tensor, [*range(rank - 2), rank - 1, rank - 2])
