"""A float .tflite in, the same in fewer bits out: LiteRT's own quantizer, told every range and every choice.

Its own calibration is left out: a moving average that clips (docs/adr/0009). It does not import TensorFlow.
Source: https://github.com/google-ai-edge/LiteRT/tree/main/litert_quantizer
"""

import contextlib
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgebake.models.tflite import tables
from edgebake.recipe import DType, Granularity
from edgebake.runtimes.litert.calibrated_model import CalibratedModel

EVERYTHING = ".*"
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
BITS = {"int8": 8, "int16": 16}


@dataclass(frozen=True)
class IntegerOptions:
    """Which operators compute in which integers."""

    activations: str  # int8 or int16
    granularity: Granularity
    fallback_dtype: DType | None = None
    kept: Collection[str] = ()  # output tensors of the operators that stay out of it
    only: Collection[str] | None = (
        None  # output tensors of the only operators that are quantized; none: all
    )
    input: DType | None = None
    output: DType | None = None


def quantize_integers(program: CalibratedModel, asked: IntegerOptions) -> bytes:
    """Return the program with integer activations and weights."""
    manager = _manager()
    if asked.only is None:
        _static(manager, EVERYTHING, asked.activations, asked.granularity)
    else:
        for tensor in asked.only:
            _static(manager, _named(tensor), asked.activations, asked.granularity)
    for tensor in asked.kept:
        _keep(manager, _named(tensor), asked)
    for end, wish in (("INPUT", asked.input), ("OUTPUT", asked.output)):
        _end(manager, end, wish)
    known = {name: _statistics(*bounds) for name, bounds in program.ranged.items()}
    return _quantized(program.model, manager, known)


def quantize_weights(model: bytes, bits: int, block_size: int | None = None) -> bytes:
    """Return the program with integer weights: dense layers and convolutions quantize what they are fed on the fly.

    Depthwise convolutions store int8 and compute in float, since LiteRT's kernel for them on the fly is slow and has no
    int4 (benchmarks/quantize.py). int4 has a scale for each channel of a convolution, which cannot have blocks, and for
    each block of a dense layer.
    """
    from litert_quantizer.qtyping import QuantGranularity, TFLOperationName

    blocks = (
        QuantGranularity(f"BLOCKWISE_{block_size}") if block_size else QuantGranularity.CHANNELWISE
    )
    manager = _manager()
    manager.add_weight_only_config(EVERYTHING, TFLOperationName.ALL_SUPPORTED, num_bits=8)
    manager.add_dynamic_config(EVERYTHING, TFLOperationName.CONV_2D, num_bits=bits)
    manager.add_dynamic_config(
        EVERYTHING, TFLOperationName.FULLY_CONNECTED, num_bits=bits, granularity=blocks
    )
    return _quantized(model, manager, None)


def store_float16_weights(model: bytes) -> bytes:
    """Return the program with weights stored as float16; it computes in float32."""
    manager = _manager()
    for operator in WEIGHTED:
        _cast(manager, EVERYTHING, operator)
    return _quantized(model, manager, None)


def _manager() -> Any:
    from litert_quantizer.recipe_manager import RecipeManager

    return RecipeManager()


def _named(tensor: str) -> str:
    """Return the pattern of one operator: the quantizer searches in the names of its outputs, each ending in `;`."""
    return f"^{re.escape(tensor)};$"


def _static(manager: Any, pattern: str, activations: str, granularity: Granularity) -> None:
    from litert_quantizer.qtyping import QuantGranularity, TFLOperationName

    shared = {
        Granularity.per_channel: QuantGranularity.CHANNELWISE,
        Granularity.per_tensor: QuantGranularity.TENSORWISE,
    }
    manager.add_static_config(
        pattern,
        TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=BITS[activations],
        weight_num_bits=8,
        weight_granularity=shared[granularity],
    )


def _keep(manager: Any, pattern: str, asked: IntegerOptions) -> None:
    if asked.fallback_dtype is DType.int16:
        _static(manager, pattern, "int16", asked.granularity)
        return
    _leave(manager, pattern, "ALL_SUPPORTED")
    if asked.fallback_dtype is DType.float16:
        for operator in WEIGHTED:
            _cast(manager, pattern, operator)


def _leave(manager: Any, pattern: str, operator: str) -> None:
    from litert_quantizer.qtyping import TFLOperationName
    from litert_quantizer.recipe_manager import AlgorithmName

    manager.add_quantization_config(
        pattern, TFLOperationName[operator], algorithm_key=AlgorithmName.NO_QUANTIZE
    )


def _cast(manager: Any, pattern: str, operator: str) -> None:
    """Store the weights of an operator that computes in float as float16."""
    from litert_quantizer import qtyping
    from litert_quantizer.recipe_manager import AlgorithmName

    half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    manager.add_quantization_config(
        pattern,
        qtyping.TFLOperationName[operator],
        op_config=qtyping.OpQuantizationConfig(weight_tensor_config=half),
        algorithm_key=AlgorithmName.FLOAT_CASTING,
    )


def _end(manager: Any, end: str, wish: DType | None) -> None:
    """Give the input or the output of the file the dtype that the recipe wants."""
    if wish is DType.float32:
        _leave(manager, EVERYTHING, end)
    elif wish is DType.uint8:
        _unsigned(manager, end)


def _unsigned(manager: Any, end: str) -> None:
    from litert_quantizer import qtyping

    unsigned = qtyping.TensorQuantizationConfig(
        num_bits=8, symmetric=False, dtype=qtyping.TensorDataType.UINT
    )
    weight = qtyping.TensorQuantizationConfig(
        num_bits=8, symmetric=True, granularity=qtyping.QuantGranularity.CHANNELWISE
    )
    manager.add_quantization_config(
        EVERYTHING,
        qtyping.TFLOperationName[end],
        op_config=qtyping.OpQuantizationConfig(
            activation_tensor_config=unsigned,
            weight_tensor_config=weight,
            compute_precision=qtyping.ComputePrecision.INTEGER,
        ),
    )


def _statistics(low: float, high: float) -> dict[str, Any]:
    return {
        "min": np.full((1, 1, 1, 1), low, np.float32),
        "max": np.full((1, 1, 1, 1), high, np.float32),
    }


def _quantized(model: bytes, manager: Any, known: dict[str, Any] | None) -> bytes:
    from litert_quantizer.quantizer import Quantizer

    quantizer = Quantizer(model)
    quantizer.load_quantization_recipe(manager.get_quantization_recipe())
    # It prints sizes and a bar.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # Written anew, its weights lie in its tables.
        return tables.serialize(tables.parse(bytes(quantizer.quantize(known).quantized_model)))
