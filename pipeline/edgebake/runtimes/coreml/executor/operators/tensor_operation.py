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
    shape = list(op.shapes("values")[0])
    axis %= len(shape)
    stacked = [op.unsqueeze(tensor, axis + 1) for tensor in tensors]
    shape[axis] *= len(tensors)
    interleaved = op.concat(stacked, axis + 1)
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
    if len(sizes) == 1:
        return [op.emit("Identity", op.x)]
    sizes_tensor = op.int64(sizes)
    return op.emit_many(len(sizes), "Split", op.x, sizes_tensor, axis=axis)


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
    pads = [0] * missing + pads
    onnx_pads = pads[0::2] + pads[1::2]
    operands = [op.x, op.int64(onnx_pads)]
    if mode == "constant":
        value = op.constant("constant_val", 0)
        operands.append(op.literal(value, op.onnx_type("x")))
    return op.emit("Pad", *operands, mode=PADDING_MODES[mode])


@operator
def shape(op: OperationContext) -> GraphTensor:
    """Return the shape of x."""
    return op.literal(op.shape("x"), INT32)


@operator
def fill(op: OperationContext) -> GraphTensor:
    """Return a tensor of a shape with the same value everywhere."""
    value = op.literal(op.constant("value", 0), op.output_onnx_type())
    shape = op.int64(op.integers("shape"))
    return op.emit("Expand", value, shape)


@operator
def fill_like(op: OperationContext) -> GraphTensor:
    """Return a tensor of the shape of another with the same value everywhere."""
    value = op.constant("value", 0)
    values = np.full(op.shape("ref_tensor"), value)
    return op.literal(values, op.output_onnx_type())


@operator
def range_1d(op: OperationContext) -> GraphTensor:
    """Return the numbers from start to end by step."""
    start = op.constant("start").item()
    end = op.constant("end").item()
    step = op.constant("step").item()
    numbers = np.arange(start, end, step)
    return op.literal(numbers, op.output_onnx_type())


@operator
def one_hot(op: OperationContext) -> GraphTensor:
    """Return vectors of off_value, with on_value at one index."""
    axis = op.integer("axis", -1)
    # ONNX Runtime has OneHot for int64 indices and float values only.
    indices = op.cast(op.tensor("indices"), INT64)
    size = op.int64(op.integer("one_hot_vector_size"))
    off_and_on = op.literal([0, 1])
    one_hot_float = op.emit("OneHot", indices, size, off_and_on, axis=axis)
    is_on = op.cast(one_hot_float, BOOL)
    on_value = op.constant("on_value", 1).item()
    off_value = op.constant("off_value", 0).item()
    onnx_type = op.output_onnx_type()
    choices = (op.literal(on_value, onnx_type), op.literal(off_value, onnx_type))
    return _where(op, is_on, choices, onnx_type)


@operator
def band_part(op: OperationContext) -> GraphTensor:
    """Return x with zeros outside a band along the diagonal of its last two axes."""
    height, width = op.shape("x")[-2:]
    row, column = np.ogrid[:height, :width]
    lower = op.integer("lower", -1)
    upper = op.integer("upper", -1)
    is_in_lower = (lower < 0) | (row - column <= lower)
    is_in_upper = (upper < 0) | (column - row <= upper)
    is_in_band = op.literal(is_in_lower & is_in_upper, BOOL)
    onnx_type = op.onnx_type("x")
    zero = op.literal(0, onnx_type)
    return _where(op, is_in_band, (op.x, zero), onnx_type)


@operator
def cumsum(op: OperationContext) -> GraphTensor:
    """Return the cumulative sum along an axis."""
    axis = op.literal(op.integer("axis", 0), INT64)
    exclusive = int(op.flag("exclusive"))
    reverse = int(op.flag("reverse"))
    return op.emit("CumSum", op.x, axis, exclusive=exclusive, reverse=reverse)


@operator
def topk(op: OperationContext) -> list[GraphTensor]:
    """Return the k largest or smallest values along an axis, and their indices."""
    axis = op.integer("axis", -1)
    k = op.integer("k", 1)
    if k == -1:
        k = op.shape("x")[axis]
    return _top_k(op, axis, k)[: op.output_count()]


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
    return _where(op, condition, choices, op.output_onnx_type())


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
    first = op.cast(choices[0], INT32)
    second = op.cast(choices[1], INT32)
    selected = op.where(condition, first, second)
    return op.cast(selected, BOOL)


def _top_k(op: OperationContext, axis: int, k: int) -> list[GraphTensor]:
    """Return the first k values of x along an axis in sorted order, and their indices."""
    largest = int(not op.flag("ascending"))
    x = op.x
    k_tensor = op.int64(k)
    values, indices = op.emit_many(2, "TopK", x, k_tensor, axis=axis, largest=largest, sorted=1)
    return [values, op.cast(indices, INT32)]
