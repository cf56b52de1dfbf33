"""Padding of convolution and pooling, for modules of this folder."""

from collections.abc import Sequence

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext


def spread(kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Return how far a dilated kernel reaches along each axis."""
    return [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]


def pads(call: OperationContext, reach: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return padding as ONNX lists it: all beginnings, then all ends.

    `same` gives an odd surplus to the end, as TensorFlow does, `same_lower` to the beginning.
    """
    kind = call.text("pad_type", "valid").lower()
    if kind == "valid":
        return [0] * 2 * len(reach)
    if kind == "custom":
        custom = call.integers("pad", [0] * 2 * len(reach))
        return custom[0::2] + custom[1::2]
    if kind not in ("same", "same_lower"):
        raise UnsupportedError(f"pad_type {kind}")
    totals = [
        max((-(-size // stride) - 1) * stride + covered - size, 0)
        for size, stride, covered in zip(call.shape("x")[2:], strides, reach, strict=True)
    ]
    smaller, larger = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return smaller + larger if kind == "same" else larger + smaller
