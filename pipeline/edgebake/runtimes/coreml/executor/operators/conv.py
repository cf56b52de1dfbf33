"""Convolution, [n, channels, ...] as in ONNX."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, operator
from edgebake.runtimes.coreml.executor.operators.windows import pads, spread


@operator
def conv(call: OperationContext) -> str:
    """Return the convolution plus bias."""
    shape = _Shape.of(call)
    inputs = (call.tensor("x"), call.tensor("weight"), *call.optional("bias"))
    return call.emit(
        "Conv", *inputs, **shape.attributes(), pads=pads(call, shape.reach, shape.strides)
    )


@operator
def conv_transpose(call: OperationContext) -> str:
    """Return the transposed convolution; ONNX states the output's size by what is cut off and added at its ends."""
    shape = _Shape.of(call)
    sizes = call.shape("x")[2:]
    whole = [
        stride * (size - 1) + reach
        for stride, size, reach in zip(shape.strides, sizes, shape.reach, strict=True)
    ]
    wanted = _output_sizes(call, whole, shape.strides)
    begin, end = _cut(call, whole, wanted)
    missing = [
        want - (size - first - last)
        for want, size, first, last in zip(wanted, whole, begin, end, strict=True)
    ]
    added = [max(extra, 0) for extra in missing]
    if any(
        extra >= max(stride, dilation)
        for extra, stride, dilation in zip(added, shape.strides, shape.dilations, strict=True)
    ):
        raise UnsupportedError("an output_shape that is larger than the stride reaches")
    inputs = (call.tensor("x"), call.tensor("weight"), *call.optional("bias"))
    # What is longer than wanted is cut off at the end.
    end = [last - min(extra, 0) for last, extra in zip(end, missing, strict=True)]
    return call.emit(
        "ConvTranspose", *inputs, **shape.attributes(), pads=begin + end, output_padding=added
    )


def _cut(
    call: OperationContext, whole: Sequence[int], wanted: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return how much of the whole result is cut off at the beginning and at the end of each axis."""
    if _pad_type(call) == "custom":
        custom = call.integers("pad", [0] * 2 * len(whole))
        return custom[0::2], custom[1::2]
    totals = [0] * len(whole)
    if _pad_type(call) == "same":
        totals = [max(size - want, 0) for size, want in zip(whole, wanted, strict=True)]
    return [total // 2 for total in totals], [total - total // 2 for total in totals]


def _output_sizes(
    call: OperationContext, whole: Sequence[int], strides: Sequence[int]
) -> list[int]:
    if call.has("output_shape"):
        return call.integers("output_shape")[2:]
    if _pad_type(call) == "same":
        return [size * stride for size, stride in zip(call.shape("x")[2:], strides, strict=True)]
    none = [0] * 2 * len(whole)
    custom = call.integers("pad", none) if _pad_type(call) == "custom" else none
    return [
        size - first - last
        for size, first, last in zip(whole, custom[0::2], custom[1::2], strict=True)
    ]


def _pad_type(call: OperationContext) -> str:
    return call.text("pad_type", "valid").lower()


@dataclass(frozen=True)
class _Shape:
    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    groups: int

    @classmethod
    def of(cls, call: OperationContext) -> "_Shape":
        """Return the shape of an operation's kernel and how it moves."""
        kernel = list(call.shape("weight")[2:])
        ones = [1] * len(kernel)
        strides, dilations = call.integers("strides", ones), call.integers("dilations", ones)
        return cls(kernel, strides, dilations, call.integer("groups", 1))

    def attributes(self) -> dict[str, Any]:
        """Return what ONNX calls these."""
        return {
            "kernel_shape": self.kernel,
            "strides": self.strides,
            "dilations": self.dilations,
            "group": self.groups,
        }

    @property
    def reach(self) -> list[int]:
        """Return how far the dilated kernel reaches along each axis."""
        return spread(self.kernel, self.dilations)
