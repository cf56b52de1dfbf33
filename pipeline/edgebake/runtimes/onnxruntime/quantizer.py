"""A float program in, the same in integers out: ONNX Runtime's own quantizers, told every range and every choice.

Its calibration is left out: all runtimes are to place their quantizers by the same ranges.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.recipe import Granularity


@dataclass(frozen=True)
class IntegerOptions:
    """Which nodes compute in integers, and what shares a scale among their weights."""

    granularity: Granularity
    kept: Collection[str] = ()  # nodes that stay in float


def quantize_integers(program: CalibratedGraph, asked: IntegerOptions) -> onnx.ModelProto:
    """Return the program in QDQ form, with uint8 activations and int8 weights."""
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = onnx.ModelProto()
    model.CopyFrom(program.model)  # the quantizer writes into what it is given
    quantizer = QDQQuantizer(
        model,
        per_channel=asked.granularity is Granularity.per_channel,
        # 7-bit weights: the 16-bit sums of x86 processors without VNNI overflow with 8, and accuracy alone hides it.
        # uint8 weights would not overflow, but took 1.2 to 2.1 times as long on a processor with VNNI.
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=_ranges(program),
        nodes_to_quantize=[],  # none named: all
        nodes_to_exclude=sorted(asked.kept),
        op_types_to_quantize=_operators(),
        extra_options={"WeightSymmetric": True},
    )
    quantizer.quantize_model()
    found: onnx.ModelProto = quantizer.model.model
    return found


def _operators() -> list[str]:
    """Return all operators that either form of quantization knows; QDQ alone would leave out Add, Mul and Softmax."""
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QDQRegistry, *QLinearOpsRegistry})


def _ranges(program: CalibratedGraph) -> Any:
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData

    known = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high))
        for name, (low, high) in program.bounds.items()
    }
    return TensorsData(CalibrationMethod.MinMax, known)


def quantize_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a prepared graph with uint8 weights, whose kernels quantize activations on the fly."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "dynamic.onnx"
        onnx.save(model, source)
        # ConvInteger on a CPU takes uint8 weights alone.
        quantize_dynamic(
            source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QUInt8
        )
        return onnx.load(target)
