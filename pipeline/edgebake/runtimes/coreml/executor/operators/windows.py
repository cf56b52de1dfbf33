"""Kernel and padding of convolution and pooling."""

from collections.abc import Sequence

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext


def dilated_sizes(kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Return the size of a dilated kernel along each axis."""
    dilated = []
    for size, dilation in zip(kernel, dilations, strict=True):
        last = (size - 1) * dilation
        dilated.append(last + 1)
    return dilated


def pads(op: OperationContext, kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Return the padding in ONNX's order: the beginning of every axis, then the end of every axis.

    `kernel` are the dilated sizes. With `same`, an odd total puts its last pixel at the end, as
    TensorFlow does; with `same_lower`, at the beginning.
    """
    zeros = [0] * 2 * len(kernel)
    pad_type = op.text("pad_type", "valid").lower()
    if pad_type == "valid":
        return zeros
    if pad_type == "custom":
        custom = op.integers("pad", zeros)
        return custom[0::2] + custom[1::2]
    if pad_type not in ("same", "same_lower"):
        raise UnsupportedError(f"pad_type {pad_type}")
    smaller = []
    larger = []
    sizes = op.shape("x")[2:]
    for size, stride, kernel_size in zip(sizes, strides, kernel, strict=True):
        window_count = -(-size // stride)
        covered = (window_count - 1) * stride + kernel_size
        total = max(covered - size, 0)
        half = total // 2
        smaller.append(half)
        larger.append(total - half)
    if pad_type == "same":
        return smaller + larger
    return larger + smaller
