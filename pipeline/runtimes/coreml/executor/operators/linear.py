"""Matrix products."""

from pipeline.runtimes.coreml.executor.call import Call, operator


@operator
def linear(call: Call) -> str:
    """Return x W^T + b; the weight is [out, in]."""
    product = call.emit("MatMul", call.real("x"), call.transpose(call.real("weight"), [1, 0]))
    if call.has("bias"):
        product = call.emit("Add", product, call.real("bias"))
    return call.as_declared(product)


@operator
def matmul(call: Call) -> str:
    """Return the matrix product of x and y."""
    return call.as_declared(call.emit("MatMul", _side(call, "x"), _side(call, "y")))


@operator
def einsum(call: Call) -> str:
    """Return the sum of products that the equation says."""
    return call.emit("Einsum", *call.tensors("values"), equation=call.text("equation", ""))


def _side(call: Call, parameter: str) -> str:
    """Return x or y, its last two axes exchanged where the operation says so."""
    tensor = call.real(parameter)
    if not call.flag(f"transpose_{parameter}"):
        return tensor
    rank = call.rank(parameter)
    return call.transpose(tensor, [*range(rank - 2), rank - 1, rank - 2])
