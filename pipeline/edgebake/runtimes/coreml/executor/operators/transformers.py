"""Attention (iOS 18)."""

import math

from onnx import TensorProto

from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator


@operator
def scaled_dot_product_attention(call: OperationContext) -> str:
    """Return softmax(Q K^T / sqrt(d) + mask) V."""
    rank = call.rank("key")
    keys = call.transpose(call.tensor("key"), [*range(rank - 2), rank - 1, rank - 2])
    scale = call.literal(1 / math.sqrt(call.shape("query")[-1]))
    scores = call.emit("Mul", call.emit("MatMul", call.tensor("query"), keys), scale)
    if call.has("attn_mask"):
        scores = call.emit("Add", scores, _mask(call))
    return call.emit("MatMul", call.emit("Softmax", scores, axis=-1), call.tensor("value"))


def _mask(call: OperationContext) -> str:
    mask = call.tensor("attn_mask")
    if call.carrier("attn_mask") != TensorProto.BOOL:
        return mask
    return call.emit("Where", mask, call.literal(0), call.literal(-math.inf))
