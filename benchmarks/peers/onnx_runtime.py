"""Quantize the export of tf2onnx with ONNX Runtime's own quantizers.

Static quantization runs with its defaults, and with the options that the documentation advises.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

WHO = "onnxruntime"
FILE = "model.onnx"
Way = Callable[[Path, Path, Subject], None]  # from a float file to a quantized one


class Reader:
    """Calibration examples, one at a time."""

    def __init__(self, examples: NDArray[np.float32], name: str) -> None:
        self._rows: Iterator[dict[str, Any]] = iter(
            [{name: examples[i : i + 1]} for i in range(len(examples))]
        )

    def get_next(self) -> dict[str, Any] | None:
        """Return the next one as the session is fed it, none behind the last."""
        return next(self._rows, None)


def makers() -> list[Maker]:
    """Return static quantization twice, dynamic once, and the float file."""
    ways: tuple[tuple[str, str, Way], ...] = (
        ("quantize_static", "int8", _static),
        ("quantize_static, as advised for x86", "int8", _advised),
        ("quantize_dynamic", "dynamic", _dynamic),
    )
    found = [Maker(WHO, word, "onnxruntime", scheme, _builder(way)) for word, scheme, way in ways]
    return [
        Maker(
            "tf2onnx", "float32", "onnxruntime", "none", lambda one: Built({FILE: in_float(one)})
        ),
        *found,
    ]


def in_float(subject: Subject) -> bytes:
    """Return a live Keras model as a float32 .onnx that takes one image."""
    import tensorflow
    import tf2onnx

    shape = (1, *subject.images.shape[1:])
    signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="image")]
    model, _ = tf2onnx.convert.from_keras(subject.model, input_signature=signature)
    return bytes(model.SerializeToString())


def input_name(model: Path) -> str:
    """Return what a file calls its input."""
    return str(onnx.load(model).graph.input[0].name)


def _builder(way: Way) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "float.onnx", Path(folder) / FILE
            source.write_bytes(in_float(subject))
            way(source, target, subject)
            return Built({FILE: target.read_bytes()})

    return build


def _static(source: Path, target: Path, subject: Subject) -> None:
    from onnxruntime.quantization import quantize_static

    quantize_static(source, target, Reader(subject.calibration(), input_name(source)))


def _advised(source: Path, target: Path, subject: Subject) -> None:
    """Use per-channel scales and 7-bit weights, which x86 processors without VNNI need."""
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = source.with_name("prepared.onnx")
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    reader = Reader(subject.calibration(), input_name(source))
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    quantize_static(prepared, target, reader, per_channel=True, reduce_range=True, **types)


def _dynamic(source: Path, target: Path, _: Subject) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(source, target)
