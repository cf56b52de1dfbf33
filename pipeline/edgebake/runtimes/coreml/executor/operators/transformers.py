"""Translate attention (iOS 18)."""

import math

from edgebake.runtimes.coreml.executor.graph_builder import BOOL
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def scaled_dot_product_attention(op: OperationContext) -> GraphTensor:
    """Return softmax(Q K^T / sqrt(d) + mask) V, as in Attention Is All You Need, equation 1."""
    key = op.tensor("key")
    transposed_key = op.swap_last_axes(key, op.rank("key"))
    query_size = op.shape("query")[-1]
    scale = 1 / math.sqrt(query_size)
    query = op.tensor("query")
    scores = (query @ transposed_key) * scale
    if op.has("attn_mask"):
        scores = scores + _additive_mask(op)
    weights = op.emit("Softmax", scores, axis=-1)
    value = op.tensor("value")
    return weights @ value


def _additive_mask(op: OperationContext) -> GraphTensor:
    """Return the mask; of a bool mask, 0 where it is true and -inf elsewhere."""
    mask = op.tensor("attn_mask")
    if op.onnx_type("attn_mask") != BOOL:
        return mask
    return op.where(mask, 0, -math.inf)
