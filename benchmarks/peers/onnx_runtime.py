"""Quantize the export of tf2onnx with ONNX Runtime's own quantizers.

Static quantization runs with its defaults, and with the options that the documentation advises.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

TOOL = "onnxruntime"
FILE = "model.onnx"
Quantize = Callable[[Path, Path, Subject], None]  # from a float file to a quantized one
Inputs = dict[str, NDArray[np.float32]]  # by name, each [1, h, w, c]


class Reader:
    """An iterator over calibration samples with the interface of ONNX Runtime."""

    def __init__(self, samples: NDArray[np.float32], input_name: str) -> None:
        inputs = [{input_name: samples[i : i + 1]} for i in range(len(samples))]
        self._inputs: Iterator[Inputs] = iter(inputs)

    def get_next(self) -> Inputs | None:
        """Return the inputs of the next run; None after the last."""
        return next(self._inputs, None)


def makers() -> list[Maker]:
    """Return static quantization twice, dynamic once, and the float file."""
    quantizers: tuple[tuple[str, str, Quantize], ...] = (
        ("quantize_static", "int8", _static),
        ("quantize_static, as advised for x86", "int8", _advised),
        ("quantize_dynamic", "dynamic", _dynamic),
    )
    float_maker = Maker("tf2onnx", "float32", "onnxruntime", "none", _build_float)
    return [
        float_maker,
        *(
            Maker(TOOL, method, "onnxruntime", scheme, _builder(quantize))
            for method, scheme, quantize in quantizers
        ),
    ]


def float_file(subject: Subject) -> bytes:
    """Convert a Keras model to a float32 .onnx with a batch of one image."""
    import tensorflow
    import tf2onnx

    shape = (1, *subject.images.shape[1:])
    signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="image")]
    model, _ = tf2onnx.convert.from_keras(subject.model, input_signature=signature)
    return bytes(model.SerializeToString())


def input_name(model: Path) -> str:
    """Return the name of a file's input."""
    return str(onnx.load(model).graph.input[0].name)


def _build_float(subject: Subject) -> Built:
    return Built({FILE: float_file(subject)})


def _builder(quantize: Quantize) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        with tempfile.TemporaryDirectory() as folder:
            source, destination = Path(folder) / "float.onnx", Path(folder) / FILE
            source.write_bytes(float_file(subject))
            quantize(source, destination, subject)
            return Built({FILE: destination.read_bytes()})

    return build


def _static(source: Path, destination: Path, subject: Subject) -> None:
    from onnxruntime.quantization import quantize_static

    reader = Reader(subject.calibration_samples(), input_name(source))
    quantize_static(source, destination, reader)


def _advised(source: Path, destination: Path, subject: Subject) -> None:
    """Use per-channel scales and 7-bit weights, which x86 processors without VNNI need."""
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    preprocessed = source.with_name("preprocessed.onnx")
    quant_pre_process(source, preprocessed, skip_symbolic_shape=True)
    reader = Reader(subject.calibration_samples(), input_name(source))
    quantize_static(
        preprocessed,
        destination,
        reader,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _dynamic(source: Path, destination: Path, _: Subject) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(source, destination)
