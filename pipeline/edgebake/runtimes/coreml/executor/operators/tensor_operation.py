"""Tensors joined, split, filled, padded, sorted."""

import numpy as np
from onnx import TensorProto

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext, exact, operator

PADDING = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


@exact
def concat(call: OperationContext) -> str:
    """Return tensors joined along an axis, or with their slices taking turns."""
    axis, tensors = call.integer("axis"), call.tensors("values")
    if not call.flag("interleave"):
        return call.emit("Concat", *tensors, axis=axis)
    shape = list(call.shapes("values")[0])
    axis %= len(shape)
    beside = [call.emit("Unsqueeze", tensor, call.indices([axis + 1])) for tensor in tensors]
    shape[axis] *= len(tensors)
    return call.reshape(call.emit("Concat", *beside, axis=axis + 1), shape)


@exact
def stack(call: OperationContext) -> str:
    """Return tensors joined along a new axis."""
    axis = call.integer("axis")
    tensors = [
        call.emit("Unsqueeze", tensor, call.indices([axis])) for tensor in call.tensors("values")
    ]
    return call.emit("Concat", *tensors, axis=axis)


@exact
def split(call: OperationContext) -> list[str]:
    """Return x in parts along an axis."""
    axis = call.integer("axis")
    sizes = call.output_sizes(axis)
    if len(sizes) == 1:
        return [call.emit("Identity", call.tensor("x"))]
    return call.emit_many(len(sizes), "Split", call.tensor("x"), call.indices(sizes), axis=axis)


@exact
def tile(call: OperationContext) -> str:
    """Return x repeated along each axis."""
    return call.emit("Tile", call.tensor("x"), call.indices(call.integers("reps")))


@exact
def pad(call: OperationContext) -> str:
    """Return x with a constant, its mirror image or its edge around it."""
    listed = call.integers("pad")
    mode = call.text("mode", "constant").lower()
    if mode not in PADDING:
        raise UnsupportedError(f"mode {mode}")
    if not listed:
        return call.emit("Identity", call.tensor("x"))
    # Pairs for the last axes alone; ONNX lists all beginnings, then all ends.
    pairs = [0] * (2 * call.rank("x") - len(listed)) + listed
    inputs = [call.tensor("x"), call.indices(pairs[0::2] + pairs[1::2])]
    if mode == "constant":
        inputs.append(call.literal(call.constant("constant_val", 0), call.carrier("x")))
    return call.emit("Pad", *inputs, mode=PADDING[mode])


@operator
def shape(call: OperationContext) -> str:
    """Return the shape of x."""
    return call.literal(call.shape("x"), TensorProto.INT32)


@operator
def fill(call: OperationContext) -> str:
    """Return a tensor of one value."""
    value = call.literal(call.constant("value", 0), call.output_carrier())
    return call.emit("Expand", value, call.indices(call.integers("shape")))


@operator
def fill_like(call: OperationContext) -> str:
    """Return a tensor of one value in the shape of another."""
    value = call.constant("value", 0)
    return call.literal(np.full(call.shape("ref_tensor"), value), call.output_carrier())


@operator
def range_1d(call: OperationContext) -> str:
    """Return the numbers from start to end by step."""
    start, end, step = (call.constant(word).item() for word in ("start", "end", "step"))
    return call.literal(np.arange(start, end, step), call.output_carrier())


@operator
def one_hot(call: OperationContext) -> str:
    """Return vectors that are on at one index."""
    on, off = call.constant("on_value", 1).item(), call.constant("off_value", 0).item()
    # ONNX Runtime has the operator for int64 indices and float values alone.
    places, pair = call.cast(call.tensor("indices"), TensorProto.INT64), call.literal([0, 1])
    size = call.indices([call.integer("one_hot_vector_size")])
    marked = call.cast(
        call.emit("OneHot", places, size, pair, axis=call.integer("axis", -1)), TensorProto.BOOL
    )
    carried = call.output_carrier()
    return chosen(call, marked, (call.literal(on, carried), call.literal(off, carried)), carried)


@operator
def band_part(call: OperationContext) -> str:
    """Return x with zeros outside a band along the diagonal of its last two axes."""
    height, width = call.shape("x")[-2:]
    lower, upper = call.integer("lower", -1), call.integer("upper", -1)
    row, column = np.ogrid[:height, :width]
    kept = ((lower < 0) | (row - column <= lower)) & ((upper < 0) | (column - row <= upper))
    carried = call.carrier("x")
    return chosen(
        call,
        call.literal(kept, TensorProto.BOOL),
        (call.tensor("x"), call.literal(0, carried)),
        carried,
    )


@operator
def cumsum(call: OperationContext) -> str:
    """Return running sums along an axis."""
    axis = call.literal(call.integer("axis", 0), TensorProto.INT64)
    exclusive, backward = int(call.flag("exclusive")), int(call.flag("reverse"))
    return call.emit("CumSum", call.tensor("x"), axis, exclusive=exclusive, reverse=backward)


@operator
def topk(call: OperationContext) -> list[str]:
    """Return the largest or smallest k and where they stood."""
    axis, count = call.integer("axis", -1), call.integer("k", 1)
    values, places = _sorted(call, axis, call.shape("x")[axis] if count == -1 else count)
    return [values, places][: call.output_count()]


@operator
def argsort(call: OperationContext) -> str:
    """Return where the sorted values stand."""
    axis = call.integer("axis", -1)
    return _sorted(call, axis, call.shape("x")[axis])[1]


@operator
def non_zero(call: OperationContext) -> str:
    """Return the places that are not zero, [count, rank]."""
    return call.cast(
        call.transpose(call.emit("NonZero", call.tensor("x")), [1, 0]), TensorProto.INT32
    )


@exact
def select(call: OperationContext) -> str:
    """Return a where the condition holds, else b."""
    chooser = call.tensor("cond")
    if call.carrier("cond") != TensorProto.BOOL:
        chooser = call.cast(chooser, TensorProto.BOOL)
    return chosen(call, chooser, (call.tensor("a"), call.tensor("b")), call.output_carrier())


def chosen(call: OperationContext, chooser: str, options: tuple[str, str], carried: int) -> str:
    """Return the first option where the chooser is true, else the second; ONNX Runtime chooses among no bools."""
    if carried != TensorProto.BOOL:
        return call.emit("Where", chooser, *options)
    numbers = [call.cast(option, TensorProto.INT32) for option in options]
    return call.cast(call.emit("Where", chooser, *numbers), TensorProto.BOOL)


def _sorted(call: OperationContext, axis: int, count: int) -> list[str]:
    """Return the first `count` values along an axis and where they stood."""
    largest = int(not call.flag("ascending"))
    x, size = call.tensor("x"), call.indices([count])
    values, places = call.emit_many(2, "TopK", x, size, axis=axis, largest=largest, sorted=1)
    return [values, call.cast(places, TensorProto.INT32)]
