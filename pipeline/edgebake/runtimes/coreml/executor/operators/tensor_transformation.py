"""The same numbers in another shape or order."""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, exact

FROM_THE_END = -(2**31)  # an end that a backward slice never reaches


@exact
def reshape(call: OperationContext) -> str:
    """Return x in another shape."""
    if call.is_declared():
        return call.reshape(call.tensor("x"), call.output_shape())
    # 0 keeps the size that stands as far from the end (iOS 17); ONNX counts from the front.
    shape, old = call.integers("shape"), call.shape("x")
    kept = [old[place - len(shape)] if size == 0 else size for place, size in enumerate(shape)]
    return call.reshape(call.tensor("x"), kept)


@exact
def reshape_like(call: OperationContext) -> str:
    """Return x in a shape made of parts of other shapes."""
    return call.reshape(call.tensor("x"), call.output_shape())


@exact
def flatten2d(call: OperationContext) -> str:
    """Return x as a matrix."""
    return call.emit("Flatten", call.tensor("x"), axis=call.integer("axis", 1))


@exact
def expand_dims(call: OperationContext) -> str:
    """Return x with axes of size 1 added."""
    return call.emit("Unsqueeze", call.tensor("x"), call.indices(call.integers("axes")))


@exact
def squeeze(call: OperationContext) -> str:
    """Return x without axes of size 1; others that are named stay."""
    sizes = call.shape("x")
    single = [axis for axis in call.integers("axes", range(len(sizes))) if sizes[axis] == 1]
    if not single:
        return call.emit("Identity", call.tensor("x"))
    return call.emit("Squeeze", call.tensor("x"), call.indices(single))


@exact
def transpose(call: OperationContext) -> str:
    """Return x with its axes in another order."""
    rank = call.rank("x")
    return call.transpose(call.tensor("x"), [axis % rank for axis in call.integers("perm")])


@exact
def slice_by_index(call: OperationContext) -> str:
    """Return what stands between begin and end."""
    return slice_to(call, call.tensor("x"), slices(call))


@exact
def slice_by_size(call: OperationContext) -> str:
    """Return a block of a size from begin on; -1: all that is left."""
    shape = call.shape("x")
    begin = [
        first % size if first < 0 else first
        for first, size in zip(call.integers("begin"), shape, strict=True)
    ]
    sizes = [
        whole - first if size == -1 else size
        for size, first, whole in zip(call.integers("size"), begin, shape, strict=True)
    ]
    end = [first + size for first, size in zip(begin, sizes, strict=True)]
    axes = call.indices(range(len(shape)))
    return call.emit("Slice", call.tensor("x"), call.indices(begin), call.indices(end), axes)


@exact
def slice_update(call: OperationContext) -> str:
    """Return x with a slice of it replaced (iOS 18)."""
    shape = call.shape("x")
    places = np.arange(int(np.prod(shape))).reshape(shape)[slices(call)].reshape(-1)
    update = call.reshape(call.tensor("update"), [-1])
    flat = call.emit(
        "ScatterElements",
        call.reshape(call.tensor("x"), [-1]),
        call.indices(places),
        update,
        axis=0,
    )
    return call.reshape(flat, shape)


@exact
def reverse(call: OperationContext) -> str:
    """Return x backwards along some axes."""
    axes = call.integers("axes", range(call.rank("x")))
    back, ends = call.indices([-1] * len(axes)), call.indices([FROM_THE_END] * len(axes))
    return call.emit("Slice", call.tensor("x"), back, ends, call.indices(axes), back)


@exact
def reverse_sequence(call: OperationContext) -> str:
    """Return x with the first part of each sequence backwards."""
    time, batch = call.integer("seq_axis", 0), call.integer("batch_axis", 0)
    if {time % call.rank("x"), batch % call.rank("x")} != {0, 1}:
        raise UnsupportedError("reverse_sequence along axes other than 0 and 1")
    lengths = call.cast(call.tensor("lengths"), TensorProto.INT64)
    return call.emit("ReverseSequence", call.tensor("x"), lengths, time_axis=time, batch_axis=batch)


@exact
def sliding_windows(call: OperationContext) -> str:
    """Return the windows along an axis, in an axis of their own."""
    axis, size = call.integer("axis") % call.rank("x"), call.integer("size")
    stride = call.integer("stride", 1)
    count = (call.shape("x")[axis] - size) // stride + 1
    windows = np.arange(count)[:, None] * stride + np.arange(size)
    return call.emit(
        "Gather", call.tensor("x"), call.literal(windows, TensorProto.INT64), axis=axis
    )


@exact
def depth_to_space(call: OperationContext) -> str:
    """Return blocks of channels laid out as pixels."""
    return call.emit(
        "DepthToSpace", call.tensor("x"), blocksize=call.integer("block_size"), mode="DCR"
    )


@exact
def space_to_depth(call: OperationContext) -> str:
    """Return blocks of pixels laid out as channels."""
    return call.emit("SpaceToDepth", call.tensor("x"), blocksize=call.integer("block_size"))


@exact
def pixel_shuffle(call: OperationContext) -> str:
    """Return blocks of channels laid out as pixels, the channel running slowest."""
    return call.emit(
        "DepthToSpace", call.tensor("x"), blocksize=call.integer("upscale_factor"), mode="CRD"
    )


@exact
def pixel_unshuffle(call: OperationContext) -> str:
    """Return blocks of pixels laid out as channels, the channel running slowest."""
    factor = call.integer("downscale_factor")
    n, channels, height, width = call.shape("x")
    blocks = call.reshape(
        call.tensor("x"), [n, channels, height // factor, factor, width // factor, factor]
    )
    gathered = call.transpose(blocks, [0, 1, 3, 5, 2, 4])
    return call.reshape(
        gathered, [n, channels * factor * factor, height // factor, width // factor]
    )


@exact
def space_to_batch(call: OperationContext) -> str:
    """Return blocks of pixels laid out as images, after padding."""
    blocks = call.integers("block_shape")
    n, channels, *sizes = call.shape("x")
    count, rest = len(blocks), sizes[len(blocks) :]
    paddings = call.constant("paddings").reshape(-1, 2).tolist()
    before = [0, 0, *(first for first, _ in paddings), *[0] * len(rest)]
    after = [0, 0, *(last for _, last in paddings), *[0] * len(rest)]
    padded = call.emit("Pad", call.tensor("x"), call.indices(before + after))
    split = [
        part
        for size, (first, last), block in zip(sizes[:count], paddings, blocks, strict=True)
        for part in ((size + first + last) // block, block)
    ]
    order = [
        *(3 + 2 * axis for axis in range(count)),
        *(0, 1),
        *(2 + 2 * axis for axis in range(count)),
        *range(2 + 2 * count, 2 + 2 * count + len(rest)),
    ]
    cut = call.transpose(call.reshape(padded, [n, channels, *split, *rest]), order)
    return call.reshape(cut, [n * int(np.prod(blocks)), channels, *split[0::2], *rest])


@exact
def batch_to_space(call: OperationContext) -> str:
    """Return images laid out as blocks of pixels, then cropped."""
    blocks = call.integers("block_shape")
    n, channels, *sizes = call.shape("x")
    count, rest = len(blocks), sizes[len(blocks) :]
    crops = call.constant("crops").reshape(-1, 2).tolist()
    batch = n // int(np.prod(blocks))
    order = [
        *(count, count + 1),
        *(axis for own in range(count) for axis in (count + 2 + own, own)),
        *range(2 + 2 * count, 2 + 2 * count + len(rest)),
    ]
    split = call.reshape(call.tensor("x"), [*blocks, batch, channels, *sizes])
    whole = [size * block for size, block in zip(sizes, blocks, strict=False)]
    laid = call.reshape(call.transpose(split, order), [batch, channels, *whole, *rest])
    begin = call.indices([first for first, _ in crops])
    end = call.indices([size - last for size, (_, last) in zip(whole, crops, strict=True)])
    return call.emit("Slice", laid, begin, end, call.indices(range(2, 2 + count)))


def slices(call: OperationContext) -> tuple[slice, ...]:
    """Return what begin, end, stride and their masks cut out along each axis."""
    rank = call.rank("x")
    begin, end = call.integers("begin"), call.integers("end")
    stride = call.integers("stride", [1] * rank)
    masks = {
        name: call.integers(f"{name}_mask", [0] * rank) for name in ("begin", "end", "squeeze")
    }
    found = []
    for axis in range(rank):
        first = None if masks["begin"][axis] else begin[axis]
        last = None if masks["end"][axis] or masks["squeeze"][axis] else end[axis]
        # A squeezed axis keeps the one element that a stride without end reaches.
        found.append(slice(first, last, 2**31 - 1 if masks["squeeze"][axis] else stride[axis]))
    return tuple(found)


def slice_to(call: OperationContext, tensor: str, cut: tuple[slice, ...]) -> str:
    """Return a slice of x, axes that are squeezed gone."""
    ranges = [one.indices(size) for one, size in zip(cut, call.shape("x"), strict=True)]
    begin = [first for first, _, _ in ranges]
    end = [last if last >= 0 else FROM_THE_END for _, last, _ in ranges]
    stride = [step for _, _, step in ranges]
    axes = call.indices(range(len(cut)))
    part = call.emit(
        "Slice", tensor, call.indices(begin), call.indices(end), axes, call.indices(stride)
    )
    squeezed = [
        axis for axis, gone in enumerate(call.integers("squeeze_mask", [0] * len(cut))) if gone
    ]
    return call.emit("Squeeze", part, call.indices(squeezed)) if squeezed else part
