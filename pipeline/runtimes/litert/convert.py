"""Keras in, .tflite out, by TensorFlow's own converter."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import keras_session
from pipeline.about import About
from pipeline.contract import Contract
from pipeline.quantized import Calibration, Quantized
from pipeline.recipe import Convert
from pipeline.runtimes.litert import FILE, metadata


def convert(quantized: Quantized, contract: Contract, about: About, _: Convert) -> dict[str, bytes]:
    """Return {model.tflite: bytes}, labels and input contract in its metadata."""
    graph = keras_session.frozen_graph(keras_session.load(quantized.archive))
    return {FILE: metadata.attach(_converted(graph, quantized), contract, about)}


def _converted(graph: Any, quantized: Quantized) -> bytes:
    converter = _converter(graph)
    SETTINGS[quantized.scheme](converter, quantized.calibration)
    return bytes(converter.convert())


def _converter(graph: Any) -> Any:
    import tensorflow  # noqa: PLC0415

    # The variables are constants by now. Handing over the Keras model as second argument would leave them out of the
    # file without an error.
    return tensorflow.lite.TFLiteConverter.from_concrete_functions([graph])


def _float32(_: Any, __: Calibration) -> None:
    """Leave the converter as it is."""


def _dynamic(converter: Any, _: Calibration) -> None:
    import tensorflow  # noqa: PLC0415

    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]


def _float16(converter: Any, _: Calibration) -> None:
    import tensorflow  # noqa: PLC0415

    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tensorflow.float16]


def _int8(converter: Any, calibration: Calibration) -> None:
    import tensorflow  # noqa: PLC0415

    if calibration is None:
        raise ValueError("int8 without calibration examples")

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        return ([calibration[i : i + 1]] for i in range(len(calibration)))

    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int8


SETTINGS: dict[str, Callable[[Any, Calibration], None]] = {
    "none": _float32,
    "float16": _float16,
    "dynamic": _dynamic,
    "int8": _int8,
}
