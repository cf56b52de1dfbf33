"""Translate operators that join, split, fill, pad, select from and sort tensors."""

import numpy as np

from edgebake.runtimes.coreml.executor.graph_builder import BOOL, INT32, INT64
from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import exact_operator, operator

PADDING_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


@exact_operator
def concat(op: OperationContext) -> GraphTensor:
    """Return the tensors joined along an axis, or with their slices interleaved."""
    axis = op.integer("axis")
    tensors = op.tensors("values")
    if not op.flag("interleave"):
        return op.concat(tensors, axis)
    first_shape, *_ = op.shapes("values")
    shape = list(first_shape)
    axis %= len(shape)
    new_axis = axis + 1
    stacked = [op.unsqueeze(tensor, new_axis) for tensor in tensors]
    interleaved = op.concat(stacked, new_axis)
    shape[axis] *= len(tensors)
    return op.reshape(interleaved, shape)


@exact_operator
def stack(op: OperationContext) -> GraphTensor:
    """Return the tensors joined along a new axis."""
    axis = op.integer("axis")
    tensors = [op.unsqueeze(tensor, axis) for tensor in op.tensors("values")]
    return op.concat(tensors, axis)


@exact_operator
def split(op: OperationContext) -> list[GraphTensor]:
    """Return x split along an axis."""
    axis = op.integer("axis")
    sizes = op.output_sizes(axis)
    count = len(sizes)
    if count == 1:
        return [op.emit("Identity", op.x)]
    sizes_tensor = op.int64(sizes)
    return op.emit_many(count, "Split", op.x, sizes_tensor, axis=axis)


@exact_operator
def tile(op: OperationContext) -> GraphTensor:
    """Return x repeated along each axis."""
    repetitions = op.int64(op.integers("reps"))
    return op.emit("Tile", op.x, repetitions)


@exact_operator
def pad(op: OperationContext) -> GraphTensor:
    """Return x padded with a constant, its mirror image or its edge."""
    pads = op.integers("pad")
    mode = op.text("mode", "constant").lower()
    if mode not in PADDING_MODES:
        raise UnsupportedError(f"mode {mode}")
    if not pads:
        return op.emit("Identity", op.x)
    # Core ML has (begin, end) of the last axes; ONNX the begin of every axis, then every end.
    missing = 2 * op.rank("x") - len(pads)
    all_pads = [0] * missing + pads
    begin = all_pads[0::2]
    end = all_pads[1::2]
    operands = [op.x, op.int64(begin + end)]
    if mode == "constant":
        value = op.constant("constant_val", 0)
        padding_value = op.literal(value, op.onnx_type("x"))
        operands.append(padding_value)
    return op.emit("Pad", *operands, mode=PADDING_MODES[mode])


@operator
def shape(op: OperationContext) -> GraphTensor:
    """Return the shape of x."""
    sizes = op.shape("x")
    return op.literal(sizes, INT32)


@operator
def fill(op: OperationContext) -> GraphTensor:
    """Return a tensor of a shape with the same value everywhere."""
    value = op.constant("value", 0)
    onnx_type = op.output_onnx_type()
    scalar = op.literal(value, onnx_type)
    shape = op.int64(op.integers("shape"))
    return op.emit("Expand", scalar, shape)


@operator
def fill_like(op: OperationContext) -> GraphTensor:
    """Return a tensor of the shape of another with the same value everywhere."""
    value = op.constant("value", 0)
    shape = op.shape("ref_tensor")
    values = np.full(shape, value)
    onnx_type = op.output_onnx_type()
    return op.literal(values, onnx_type)


@operator
def range_1d(op: OperationContext) -> GraphTensor:
    """Return the numbers from start to end by step."""
    start = op.constant("start").item()
    end = op.constant("end").item()
    step = op.constant("step").item()
    numbers = np.arange(start, end, step)
    onnx_type = op.output_onnx_type()
    return op.literal(numbers, onnx_type)


@operator
def one_hot(op: OperationContext) -> GraphTensor:
    """Return vectors of off_value, with on_value at one index."""
    axis = op.integer("axis", -1)
    # ONNX Runtime has OneHot for int64 indices and float values only.
    indices = op.cast(op.tensor("indices"), INT64)
    vector_size = op.integer("one_hot_vector_size")
    size = op.int64(vector_size)
    off_and_on = op.literal([0, 1])
    one_hot_float = op.emit("OneHot", indices, size, off_and_on, axis=axis)
    is_on = op.cast(one_hot_float, BOOL)
    onnx_type = op.output_onnx_type()
    on_value = op.constant("on_value", 1).item()
    off_value = op.constant("off_value", 0).item()
    on = op.literal(on_value, onnx_type)
    off = op.literal(off_value, onnx_type)
    return _where(op, is_on, (on, off), onnx_type)


@operator
def band_part(op: OperationContext) -> GraphTensor:
    """Return x with zeros outside a band along the diagonal of its last two axes."""
    height, width = op.shape("x")[-2:]
    row, column = np.ogrid[:height, :width]
    lower = op.integer("lower", -1)
    upper = op.integer("upper", -1)
    below_diagonal = row - column
    above_diagonal = column - row
    is_in_lower = (lower < 0) | (below_diagonal <= lower)
    is_in_upper = (upper < 0) | (above_diagonal <= upper)
    is_in_band = op.literal(is_in_lower & is_in_upper, BOOL)
    onnx_type = op.onnx_type("x")
    zero = op.literal(0, onnx_type)
    return _where(op, is_in_band, (op.x, zero), onnx_type)


@operator
def cumsum(op: OperationContext) -> GraphTensor:
    """Return the cumulative sum along an axis."""
    axis = op.integer("axis", 0)
    axis_tensor = op.literal(axis, INT64)
    is_exclusive = op.flag("exclusive")
    is_reversed = op.flag("reverse")
    return op.emit(
        "CumSum", op.x, axis_tensor, exclusive=int(is_exclusive), reverse=int(is_reversed)
    )


@operator
def topk(op: OperationContext) -> list[GraphTensor]:
    """Return the k largest or smallest values along an axis, and their indices."""
    axis = op.integer("axis", -1)
    k = op.integer("k", 1)
    if k == -1:
        k = op.shape("x")[axis]
    values_and_indices = _top_k(op, axis, k)
    return values_and_indices[: op.output_count()]


@operator
def argsort(op: OperationContext) -> GraphTensor:
    """Return the indices that sort x along an axis."""
    axis = op.integer("axis", -1)
    size = op.shape("x")[axis]
    _, indices = _top_k(op, axis, size)
    return indices


@operator
def non_zero(op: OperationContext) -> GraphTensor:
    """Return the coordinates of the values other than zero, [count, rank]."""
    by_axis = op.emit("NonZero", op.x)
    coordinates = op.transpose(by_axis, [1, 0])
    return op.cast(coordinates, INT32)


@exact_operator
def select(op: OperationContext) -> GraphTensor:
    """Return a where the condition is true, else b."""
    condition = op.tensor("cond")
    if op.onnx_type("cond") != BOOL:
        condition = op.cast(condition, BOOL)
    choices = (op.tensor("a"), op.tensor("b"))
    onnx_type = op.output_onnx_type()
    return _where(op, condition, choices, onnx_type)


def _where(
    op: OperationContext,
    condition: GraphTensor,
    choices: tuple[GraphTensor, GraphTensor],
    onnx_type: int,
) -> GraphTensor:
    """Return the first choice where the condition is true, else the second.

    ONNX Runtime has no Where for bools.
    """
    if onnx_type != BOOL:
        return op.where(condition, *choices)
    first, second = choices
    first_int = op.cast(first, INT32)
    second_int = op.cast(second, INT32)
    selected = op.where(condition, first_int, second_int)
    return op.cast(selected, BOOL)


def _top_k(op: OperationContext, axis: int, k: int) -> list[GraphTensor]:
    """Return the first k values of x along an axis in sorted order, and their indices."""
    is_ascending = op.flag("ascending")
    x = op.x
    k_tensor = op.int64(k)
    values, indices = op.emit_many(
        2, "TopK", x, k_tensor, axis=axis, largest=int(not is_ascending), sorted=1
    )
    return [values, op.cast(indices, INT32)]
