"""Quantize a float .tflite with LiteRT's quantizer, by given activation ranges and layer choices.

The quantizer's own calibration is not used, since its moving average clips (docs/adr/0009). It does
not import TensorFlow. Source: https://github.com/google-ai-edge/LiteRT/tree/main/litert_quantizer
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake.models.tflite import tables
from edgebake.recipe import DType, Granularity
from edgebake.runtimes.litert import integer_operators
from edgebake.runtimes.litert.bias_range import fit_biases
from edgebake.runtimes.litert.calibrated_model import CalibratedModel
from edgebake.runtimes.litert.int16_scales import allow_any_scales

if TYPE_CHECKING:
    from litert_quantizer.recipe_manager import RecipeManager

EVERYTHING = ".*"
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
BITS = {"int8": 8, "int16": 16}

# Name of a tensor -> "min" and "max", each float32 [1, 1, 1, 1].
TensorRanges = dict[str, dict[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class IntegerOptions:
    """Integer types of activations, input and output, and the operators that are quantized."""

    activations: str  # int8 or int16
    granularity: Granularity  # of the weights' scales
    fallback_dtype: DType | None = None  # of the operators that are excluded
    fallback_tensors: Collection[str] = ()  # output tensors of the operators that are excluded
    # Operators that stay in float, by the names of their outputs, joined by `;`.
    float_operators: Collection[str] = ()
    # Output tensors of the only operators that are quantized; None: all.
    only_tensors: Collection[str] | None = None
    input: DType | None = None
    output: DType | None = None


def quantize_integers(model: CalibratedModel, options: IntegerOptions) -> bytes:
    """Return the .tflite with integer activations and weights."""
    manager = _recipe_manager()
    patterns = [EVERYTHING]
    if options.only_tensors is not None:
        patterns = [_pattern_of(tensor) for tensor in options.only_tensors]
    for pattern in patterns:
        _quantize_statically(manager, pattern, options.activations, options.granularity)
    if options.only_tensors is None:
        # The quantizer has a scale per summand for them, with which the kernel answers 0.
        for tensor in _products_with_constant_first(model.model):
            pattern = _pattern_of(tensor)
            _quantize_statically(manager, pattern, options.activations, Granularity.per_tensor)
    for tensor in options.fallback_tensors:
        _exclude(manager, _pattern_of(tensor), options)
    for outputs in options.float_operators:
        _leave_float(manager, _pattern_of(outputs), "ALL_SUPPORTED")
    _set_io_dtype(manager, "INPUT", options.input)
    _set_io_dtype(manager, "OUTPUT", options.output)
    ranges = {}
    for name, (low, high) in model.bounds.items():
        ranges[name] = _tensor_range(low, high)
    fitted = fit_biases(model.model, model.bounds, options.activations)
    quantized = _run_quantizer(fitted, manager, ranges)
    if options.activations == "int16" or options.fallback_dtype is DType.int16:
        quantized = allow_any_scales(quantized)
    if options.activations != "int8" or options.only_tensors is not None:
        return quantized
    excluded = {*options.fallback_tensors, *options.float_operators}
    return integer_operators.write_int8(quantized, model.bounds, excluded)


def quantize_weights(model: bytes, bits: int, block_size: int | None = None) -> bytes:
    """Return the .tflite with integer weights; its activations are quantized at run time.

    Depthwise convolutions store int8 and compute in float: LiteRT's kernel that quantizes their
    activations at run time is slow and has no int4 (benchmarks/quantize.py). int4 weights have a
    scale per channel of a convolution, which cannot have blocks, and per block of a dense layer if
    its input channels are a multiple of the block size, otherwise per channel too.

    Args:
        model: a float .tflite.
        bits: of the weights, 4 or 8.
        block_size: input channels of a dense layer that share a scale; None: all of them.
    """
    from litert_quantizer.qtyping import QuantGranularity, TFLOperationName

    manager = _recipe_manager()
    manager.add_weight_only_config(EVERYTHING, TFLOperationName.ALL_SUPPORTED, num_bits=8)
    manager.add_dynamic_config(EVERYTHING, TFLOperationName.CONV_2D, num_bits=bits)
    dense = TFLOperationName.FULLY_CONNECTED
    manager.add_dynamic_config(EVERYTHING, dense, num_bits=bits)
    if block_size:
        by_block = QuantGranularity(f"BLOCKWISE_{block_size}")
        for tensor in _outputs_of_divisible_layers(model, block_size):
            manager.add_dynamic_config(
                _pattern_of(tensor), dense, num_bits=bits, granularity=by_block
            )
    return _run_quantizer(model, manager, None)


def _outputs_of_divisible_layers(model: bytes, block_size: int) -> Iterator[str]:
    """Yield the output tensors of the dense layers whose input channels are whole blocks."""
    parsed = tables.parse_tables(model)
    for graph in parsed.subgraphs:
        for operator in graph.operators:
            name = tables.builtin_name(parsed.operatorCodes[operator.opcodeIndex])
            if name != "FULLY_CONNECTED":
                continue
            weight = graph.tensors[operator.inputs[1]]
            _, input_channels = weight.shape
            if input_channels % block_size == 0:
                yield graph.tensors[operator.outputs[0]].name.decode()


def _products_with_constant_first(model: bytes) -> Iterator[str]:
    """Yield the output tensors of matrix products whose first matrix is a constant."""
    parsed = tables.parse_tables(model)
    for graph in parsed.subgraphs:
        for operator in graph.operators:
            name = tables.builtin_name(parsed.operatorCodes[operator.opcodeIndex])
            if name != "BATCH_MATMUL":
                continue
            first = graph.tensors[operator.inputs[0]]
            if tables.is_constant(parsed, first):
                yield graph.tensors[operator.outputs[0]].name.decode()


def store_float16_weights(model: bytes) -> bytes:
    """Return the .tflite with weights stored as float16; it computes in float32."""
    manager = _recipe_manager()
    for operator in WEIGHTED:
        _store_float16(manager, EVERYTHING, operator)
    return _run_quantizer(model, manager, None)


def _recipe_manager() -> RecipeManager:
    from litert_quantizer.recipe_manager import RecipeManager

    return RecipeManager()


def _pattern_of(outputs: str) -> str:
    """Return the pattern that matches only the operator with these outputs, joined by `;`.

    The quantizer matches patterns against the names of an operator's outputs, each ending in `;`.
    """
    return f"^{re.escape(outputs)};$"


def _quantize_statically(
    manager: RecipeManager, pattern: str, activations: str, granularity: Granularity
) -> None:
    from litert_quantizer.qtyping import QuantGranularity, TFLOperationName

    granularities = {
        Granularity.per_channel: QuantGranularity.CHANNELWISE,
        Granularity.per_tensor: QuantGranularity.TENSORWISE,
    }
    manager.add_static_config(
        pattern,
        TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=BITS[activations],
        weight_num_bits=8,
        weight_granularity=granularities[granularity],
    )


def _exclude(manager: RecipeManager, pattern: str, options: IntegerOptions) -> None:
    """Compute operators in the fallback dtype."""
    if options.fallback_dtype is DType.int16:
        _quantize_statically(manager, pattern, "int16", options.granularity)
        return
    _leave_float(manager, pattern, "ALL_SUPPORTED")
    if options.fallback_dtype is DType.float16:
        for operator in WEIGHTED:
            _store_float16(manager, pattern, operator)


def _leave_float(manager: RecipeManager, pattern: str, operator: str) -> None:
    from litert_quantizer.qtyping import TFLOperationName
    from litert_quantizer.recipe_manager import AlgorithmName

    manager.add_quantization_config(
        pattern, TFLOperationName[operator], algorithm_key=AlgorithmName.NO_QUANTIZE
    )


def _store_float16(manager: RecipeManager, pattern: str, operator: str) -> None:
    """Store the weights of operators that compute in float as float16."""
    from litert_quantizer import qtyping
    from litert_quantizer.recipe_manager import AlgorithmName

    float16 = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    manager.add_quantization_config(
        pattern,
        qtyping.TFLOperationName[operator],
        op_config=qtyping.OpQuantizationConfig(weight_tensor_config=float16),
        algorithm_key=AlgorithmName.FLOAT_CASTING,
    )


def _set_io_dtype(manager: RecipeManager, end: str, dtype: DType | None) -> None:
    """Set the dtype of the file's input or output to the recipe's; None leaves it as it is."""
    if dtype is DType.float32:
        _leave_float(manager, EVERYTHING, end)
    elif dtype is DType.uint8:
        _make_unsigned(manager, end)


def _make_unsigned(manager: RecipeManager, end: str) -> None:
    from litert_quantizer import qtyping

    activation = qtyping.TensorQuantizationConfig(
        num_bits=8, symmetric=False, dtype=qtyping.TensorDataType.UINT
    )
    weight = qtyping.TensorQuantizationConfig(
        num_bits=8, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE
    )
    config = qtyping.OpQuantizationConfig(
        activation_tensor_config=activation,
        weight_tensor_config=weight,
        compute_precision=qtyping.ComputePrecision.INTEGER,
    )
    manager.add_quantization_config(EVERYTHING, qtyping.TFLOperationName[end], op_config=config)


def _tensor_range(low: float, high: float) -> dict[str, NDArray[np.float32]]:
    shape = (1, 1, 1, 1)
    return {"min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}


def _run_quantizer(model: bytes, manager: RecipeManager, ranges: TensorRanges | None) -> bytes:
    from litert_quantizer.quantizer import Quantizer

    quantizer = Quantizer(model)
    quantizer.load_quantization_recipe(manager.get_quantization_recipe())
    # It prints sizes and a progress bar.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        quantized = bytes(quantizer.quantize(ranges).quantized_model)
    # Serialize again, so that all weights are stored in the tables.
    return tables.serialize(tables.parse(quantized))
