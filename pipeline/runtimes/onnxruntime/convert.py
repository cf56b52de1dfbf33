"""Keras in, .onnx out: tf2onnx, then ONNX Runtime's own quantizers."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import keras_session
from pipeline.about import About
from pipeline.contract import Contract
from pipeline.quantized import Calibration, Quantized
from pipeline.recipe import Convert
from pipeline.runtimes.onnxruntime import FILE, metadata
from pipeline.runtimes.onnxruntime.canonical import canonical

OPSET = 17  # the newest that tf2onnx 1.17 writes without experimental operators and every ONNX Runtime since 1.12 reads


def convert(quantized: Quantized, contract: Contract, about: About, _: Convert) -> dict[str, bytes]:
    """Return {model.onnx: bytes}, labels and input contract in its metadata."""
    with tempfile.TemporaryDirectory() as folder:
        exported = canonical(_exported(keras_session.load(quantized.archive)))
        model = SETTINGS[quantized.scheme](exported, quantized.calibration, Path(folder))
    return {FILE: metadata.attach(canonical(model), contract, about).SerializeToString(deterministic=True)}


def _exported(model: Any) -> Any:
    import tf2onnx  # noqa: PLC0415

    graph = keras_session.frozen_graph(model)
    inputs, outputs = [graph.inputs[0].name], [graph.outputs[0].name]
    exported, _ = tf2onnx.convert.from_graph_def(
        graph.graph.as_graph_def(), input_names=inputs, output_names=outputs, opset=OPSET
    )
    return _renamed(exported, {inputs[0]: "image", outputs[0]: "probabilities"})


def _renamed(model: Any, names: dict[str, str]) -> Any:
    for value in [*model.graph.input, *model.graph.output]:
        value.name = names[value.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return model


def _float32(model: Any, _: Calibration, __: Path) -> Any:
    return model


def _float16(model: Any, _: Calibration, __: Path) -> Any:
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    return convert_float_to_float16(model, keep_io_types=True)


def _dynamic(model: Any, _: Calibration, folder: Path) -> Any:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    source, target = _prepared(model, folder), folder / "dynamic.onnx"
    # ConvInteger on a CPU takes uint8 weights alone.
    quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QUInt8)
    return _loaded(target)


def _int8(model: Any, calibration: Calibration, folder: Path) -> Any:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # noqa: PLC0415

    if calibration is None:
        raise ValueError("int8 without calibration examples")
    source, target = _prepared(model, folder), folder / "int8.onnx"
    quantize_static(
        source,
        target,
        _reader(calibration),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        # 7-bit weights: the 16-bit sums of x86 processors without VNNI overflow with 8, and accuracy alone hides it.
        reduce_range=True,
    )
    return _loaded(target)


def _prepared(model: Any, folder: Path) -> Path:
    """Return the file of a model with its shapes inferred and its constants folded, as the quantizers want it."""
    import onnx  # noqa: PLC0415
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    source, target = folder / "float.onnx", folder / "prepared.onnx"
    onnx.save(model, source)
    quant_pre_process(source, target, skip_symbolic_shape=True)
    return target


def _reader(calibration: NDArray[np.float32]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader  # noqa: PLC0415

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hand out one example after the other, then none."""

        def __init__(self) -> None:
            self._examples: Iterator[NDArray[np.float32]] = (calibration[i : i + 1] for i in range(len(calibration)))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            example = next(self._examples, None)
            return None if example is None else {"image": example}

    return Reader()


def _loaded(path: Path) -> Any:
    import onnx  # noqa: PLC0415

    return onnx.load(path)


SETTINGS: dict[str, Callable[[Any, Calibration, Path], Any]] = {
    "none": _float32,
    "float16": _float16,
    "dynamic": _dynamic,
    "int8": _int8,
}
