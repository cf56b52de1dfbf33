"""Translate operators that join, split, fill, pad, select from and sort tensors."""

import numpy as np
from onnx import TensorProto

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
        return op.emit("Concat", *tensors, axis=axis)
    shape = list(op.shapes("values")[0])
    axis %= len(shape)
    stacked = [op.unsqueeze(tensor, axis + 1) for tensor in tensors]
    shape[axis] *= len(tensors)
    return op.reshape(op.emit("Concat", *stacked, axis=axis + 1), shape)


@exact_operator
def stack(op: OperationContext) -> GraphTensor:
    """Return the tensors joined along a new axis."""
    axis = op.integer("axis")
    tensors = [op.unsqueeze(tensor, axis) for tensor in op.tensors("values")]
    return op.emit("Concat", *tensors, axis=axis)


@exact_operator
def split(op: OperationContext) -> list[GraphTensor]:
    """Return x split along an axis."""
    axis = op.integer("axis")
    sizes = op.output_sizes(axis)
    if len(sizes) == 1:
        return [op.emit("Identity", op.tensor("x"))]
    return op.emit_many(len(sizes), "Split", op.tensor("x"), op.int64(sizes), axis=axis)


@exact_operator
def tile(op: OperationContext) -> GraphTensor:
    """Return x repeated along each axis."""
    return op.emit("Tile", op.tensor("x"), op.int64(op.integers("reps")))


@exact_operator
def pad(op: OperationContext) -> GraphTensor:
    """Return x padded with a constant, its mirror image or its edge."""
    pads = op.integers("pad")
    mode = op.text("mode", "constant").lower()
    if mode not in PADDING_MODES:
        raise UnsupportedError(f"mode {mode}")
    if not pads:
        return op.emit("Identity", op.tensor("x"))
    # Core ML has (begin, end) of the last axes; ONNX the begin of every axis, then every end.
    pads = [0] * (2 * op.rank("x") - len(pads)) + pads
    operands = [op.tensor("x"), op.int64(pads[0::2] + pads[1::2])]
    if mode == "constant":
        value = op.constant("constant_val", 0)
        operands.append(op.literal(value, op.onnx_type("x")))
    return op.emit("Pad", *operands, mode=PADDING_MODES[mode])


@operator
def shape(op: OperationContext) -> GraphTensor:
    """Return the shape of x."""
    return op.literal(op.shape("x"), TensorProto.INT32)


@operator
def fill(op: OperationContext) -> GraphTensor:
    """Return a tensor of a shape with the same value everywhere."""
    value = op.literal(op.constant("value", 0), op.output_onnx_type())
    return op.emit("Expand", value, op.int64(op.integers("shape")))


@operator
def fill_like(op: OperationContext) -> GraphTensor:
    """Return a tensor of the shape of another with the same value everywhere."""
    values = np.full(op.shape("ref_tensor"), op.constant("value", 0))
    return op.literal(values, op.output_onnx_type())


@operator
def range_1d(op: OperationContext) -> GraphTensor:
    """Return the numbers from start to end by step."""
    start = op.constant("start").item()
    end = op.constant("end").item()
    step = op.constant("step").item()
    return op.literal(np.arange(start, end, step), op.output_onnx_type())


@operator
def one_hot(op: OperationContext) -> GraphTensor:
    """Return vectors of off_value, with on_value at one index."""
    axis = op.integer("axis", -1)
    # ONNX Runtime has OneHot for int64 indices and float values only.
    indices = op.cast(op.tensor("indices"), TensorProto.INT64)
    size = op.int64(op.integer("one_hot_vector_size"))
    one_hot_float = op.emit("OneHot", indices, size, np.array([0, 1]), axis=axis)
    is_on = op.cast(one_hot_float, TensorProto.BOOL)
    onnx_type = op.output_onnx_type()
    on_value = op.literal(op.constant("on_value", 1).item(), onnx_type)
    off_value = op.literal(op.constant("off_value", 0).item(), onnx_type)
    return _where(op, is_on, (on_value, off_value), onnx_type)


@operator
def band_part(op: OperationContext) -> GraphTensor:
    """Return x with zeros outside a band along the diagonal of its last two axes."""
    height, width = op.shape("x")[-2:]
    row, column = np.ogrid[:height, :width]
    lower = op.integer("lower", -1)
    upper = op.integer("upper", -1)
    is_in_lower = (lower < 0) | (row - column <= lower)
    is_in_upper = (upper < 0) | (column - row <= upper)
    is_in_band = op.literal(is_in_lower & is_in_upper, TensorProto.BOOL)
    onnx_type = op.onnx_type("x")
    zero = op.literal(0, onnx_type)
    return _where(op, is_in_band, (op.tensor("x"), zero), onnx_type)


@operator
def cumsum(op: OperationContext) -> GraphTensor:
    """Return the cumulative sum along an axis."""
    axis = op.literal(op.integer("axis", 0), TensorProto.INT64)
    exclusive = int(op.flag("exclusive"))
    reverse = int(op.flag("reverse"))
    return op.emit("CumSum", op.tensor("x"), axis, exclusive=exclusive, reverse=reverse)


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
    _, indices = _top_k(op, axis, op.shape("x")[axis])
    return indices


@operator
def non_zero(op: OperationContext) -> GraphTensor:
    """Return the coordinates of the values other than zero, [count, rank]."""
    coordinates = op.transpose(op.emit("NonZero", op.tensor("x")), [1, 0])
    return op.cast(coordinates, TensorProto.INT32)


@exact_operator
def select(op: OperationContext) -> GraphTensor:
    """Return a where the condition is true, else b."""
    condition = op.tensor("cond")
    if op.onnx_type("cond") != TensorProto.BOOL:
        condition = op.cast(condition, TensorProto.BOOL)
    return _where(op, condition, (op.tensor("a"), op.tensor("b")), op.output_onnx_type())


def _where(
    op: OperationContext,
    condition: GraphTensor,
    choices: tuple[GraphTensor, GraphTensor],
    onnx_type: int,
) -> GraphTensor:
    """Return the first choice where the condition is true, else the second.

    ONNX Runtime has no Where for bools.
    """
    if onnx_type != TensorProto.BOOL:
        return op.emit("Where", condition, *choices)
    as_int32 = [op.cast(choice, TensorProto.INT32) for choice in choices]
    return op.cast(op.emit("Where", condition, *as_int32), TensorProto.BOOL)


def _top_k(op: OperationContext, axis: int, k: int) -> list[GraphTensor]:
    """Return the first k values of x along an axis in sorted order, and their indices."""
    largest = int(not op.flag("ascending"))
    x = op.tensor("x")
    values, indices = op.emit_many(2, "TopK", x, op.int64(k), axis=axis, largest=largest, sorted=1)
    return [values, op.cast(indices, TensorProto.INT32)]
