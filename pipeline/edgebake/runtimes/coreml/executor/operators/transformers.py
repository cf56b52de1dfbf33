"""Translate attention (iOS 18)."""

import math

from onnx import TensorProto

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def scaled_dot_product_attention(op: OperationContext) -> GraphTensor:
    """Return softmax(Q K^T / sqrt(d) + mask) V, as in Attention Is All You Need, equation 1."""
    rank = op.rank("key")
    transposed_key = op.transpose(op.tensor("key"), [*range(rank - 2), rank - 1, rank - 2])
    scale = 1 / math.sqrt(op.shape("query")[-1])
    scores = op.emit("MatMul", op.tensor("query"), transposed_key) * scale
    if op.has("attn_mask"):
        scores = scores + _additive_mask(op)
    weights = op.emit("Softmax", scores, axis=-1)
    return op.emit("MatMul", weights, op.tensor("value"))


def _additive_mask(op: OperationContext) -> GraphTensor:
    """Return the mask; of a bool mask, 0 where it is true and -inf elsewhere."""
    mask = op.tensor("attn_mask")
    if op.onnx_type("attn_mask") != TensorProto.BOOL:
        return mask
    return op.emit("Where", mask, 0, -math.inf)
