"""Quantize a float graph with ONNX Runtime's quantizers, by given ranges and node choices.

Its calibration is not used: all runtimes use the same activation ranges.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import Granularity

if TYPE_CHECKING:
    from onnxruntime.quantization.calibrate import TensorsData


MOVES = ("DepthToSpace", "Expand", "Tile")


@dataclass(frozen=True)
class IntegerOptions:
    """Granularity and bits of weights, and the nodes that are not quantized."""

    granularity: Granularity
    reduce_range: bool = False  # whether int8 weights have 7 bits
    float_nodes: Collection[str] = ()  # names of the nodes that compute in float


def quantize_integers(graph: CalibratedGraph, options: IntegerOptions) -> onnx.ModelProto:
    """Return the graph in QDQ form, with uint8 activations and int8 weights."""
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = onnx.ModelProto()
    model.CopyFrom(graph.model)  # the quantizer changes its model in place
    quantizer = QDQQuantizer(
        model,
        per_channel=options.granularity is Granularity.per_channel,
        # The 16-bit sums of x86 processors without VNNI overflow with weights of 8 bits, which
        # accuracy on other processors hides. uint8 weights would not overflow, but took 1.2 to 2.1
        # times as long on a processor with VNNI.
        reduce_range=options.reduce_range,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=_tensor_ranges(graph),
        nodes_to_quantize=[],  # empty: all
        nodes_to_exclude=sorted(options.float_nodes),
        op_types_to_quantize=_quantizable_operators(),
        extra_options={"WeightSymmetric": True},
    )
    quantizer.quantize_model()
    quantized: onnx.ModelProto = quantizer.model.model
    return quantized


def _quantizable_operators() -> list[str]:
    """Return the operators of both forms of quantization: QDQ alone lacks Add, Mul and Softmax.

    Neither has all operators that move integers; without them, those behind stay in float too.
    """
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QDQRegistry, *QLinearOpsRegistry, *MOVES})


def _tensor_ranges(graph: CalibratedGraph) -> TensorsData:
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData

    ranges = {}
    for name, (low, high) in graph.bounds.items():
        ranges[name] = TensorData(lowest=np.float32(low), highest=np.float32(high))
    return TensorsData(CalibrationMethod.MinMax, ranges)


def quantize_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a prepared graph with uint8 weights; its activations are quantized at run time."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.onnx"
        destination = Path(folder) / "dynamic.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            destination,
            per_channel=True,
            weight_type=QuantType.QUInt8,  # all that ConvInteger has on a CPU; never overflows
        )
        return onnx.load(destination)
