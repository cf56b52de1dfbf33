"""Translate convolution. Tensors are [n, channels, ...] in Core ML and in ONNX."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.operators.windows import dilated_sizes, pads
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def conv(op: OperationContext) -> GraphTensor:
    """Return the convolution plus bias."""
    kernel = _Kernel.of(op)
    padding = pads(op, kernel.dilated_sizes, kernel.strides)
    return op.emit("Conv", *_operands(op), **kernel.attributes(), pads=padding)


@operator
def conv_transpose(op: OperationContext) -> GraphTensor:
    """Return the transposed convolution plus bias.

    ONNX derives the size of the output from `pads`, which are cropped, and `output_padding`, which
    is added at the end.
    """
    kernel = _Kernel.of(op)
    sizes = op.shape("x")[2:]
    full_sizes = kernel.transposed_sizes(sizes)
    output_sizes = _output_sizes(op, full_sizes, kernel.strides)
    begin, end = _crops(op, full_sizes, output_sizes)
    output_padding = []
    for axis, output_size in enumerate(output_sizes):
        cropped_size = full_sizes[axis] - begin[axis] - end[axis]
        missing = output_size - cropped_size
        output_padding.append(max(missing, 0))
        if missing < 0:
            end[axis] -= missing
    if not kernel.allows_output_padding(output_padding):
        raise UnsupportedError("an output_shape that is larger than the stride reaches")
    return op.emit(
        "ConvTranspose",
        *_operands(op),
        **kernel.attributes(),
        pads=begin + end,
        output_padding=output_padding,
    )


def _operands(op: OperationContext) -> list[GraphTensor]:
    operands = [op.x, op.tensor("weight")]
    if op.has("bias"):
        operands.append(op.tensor("bias"))
    return operands


def _crops(
    op: OperationContext, full_sizes: Sequence[int], output_sizes: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return how much of the full result is cropped at the beginning and the end of each axis."""
    pad_type = _pad_type(op)
    if pad_type == "custom":
        custom = op.integers("pad", [0] * 2 * len(full_sizes))
        return custom[0::2], custom[1::2]
    begin = [0] * len(full_sizes)
    end = [0] * len(full_sizes)
    if pad_type == "same":
        for axis, full_size in enumerate(full_sizes):
            total = max(full_size - output_sizes[axis], 0)
            begin[axis] = total // 2
            end[axis] = total - begin[axis]
    return begin, end


def _output_sizes(
    op: OperationContext, full_sizes: Sequence[int], strides: Sequence[int]
) -> list[int]:
    if op.has("output_shape"):
        return op.integers("output_shape")[2:]
    pad_type = _pad_type(op)
    if pad_type == "same":
        sizes = op.shape("x")[2:]
        return [size * stride for size, stride in zip(sizes, strides, strict=True)]
    custom = [0] * 2 * len(full_sizes)
    if pad_type == "custom":
        custom = op.integers("pad", custom)
    begin_crops = custom[0::2]
    end_crops = custom[1::2]
    crops = zip(full_sizes, begin_crops, end_crops, strict=True)
    return [size - begin - end for size, begin, end in crops]


def _pad_type(op: OperationContext) -> str:
    return op.text("pad_type", "valid").lower()


@dataclass(frozen=True)
class _Kernel:
    sizes: list[int]
    strides: list[int]
    dilations: list[int]
    groups: int

    @classmethod
    def of(cls, op: OperationContext) -> "_Kernel":
        """Read the kernel of a convolution."""
        sizes = list(op.shape("weight")[2:])
        ones = [1] * len(sizes)
        return cls(
            sizes=sizes,
            strides=op.integers("strides", ones),
            dilations=op.integers("dilations", ones),
            groups=op.integer("groups", 1),
        )

    def attributes(self) -> dict[str, list[int] | int]:
        """Return the attributes of ONNX's operators."""
        return {
            "kernel_shape": self.sizes,
            "strides": self.strides,
            "dilations": self.dilations,
            "group": self.groups,
        }

    @property
    def dilated_sizes(self) -> list[int]:
        """Return the size of the dilated kernel along each axis."""
        return dilated_sizes(self.sizes, self.dilations)

    def transposed_sizes(self, sizes: Sequence[int]) -> list[int]:
        """Return the sizes of the transposed convolution before it is cropped."""
        axes = zip(self.strides, sizes, self.dilated_sizes, strict=True)
        return [stride * (size - 1) + kernel_size for stride, size, kernel_size in axes]

    def allows_output_padding(self, output_padding: Sequence[int]) -> bool:
        """Return whether ONNX allows the output padding of each axis."""
        axes = zip(output_padding, self.strides, self.dilations, strict=True)
        return all(padding < max(stride, dilation) for padding, stride, dilation in axes)
