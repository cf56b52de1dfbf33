"""TensorFlow's own TFLiteConverter, post-training quantization as its guide has it.

Source: https://ai.google.dev/edge/litert/models/post_training_quantization
"""

from collections.abc import Callable
from typing import Any

from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

WHO = "TFLiteConverter"
FILE = "model.tflite"


def makers() -> list[Maker]:
    """Return its four schemes, and its float file."""
    ways: dict[str, Callable[[Any, Subject], None]] = {
        "none": lambda _, __: None,
        "dynamic": _dynamic,
        "float16": _float16,
        "int8": _int8,
        "int16x8": _int16x8,
    }
    words = {"none": "float32", "dynamic": "dynamic range", "int8": "full integer"}
    return [
        Maker(WHO, words.get(scheme, scheme), "litert", scheme, _builder(way))
        for scheme, way in ways.items()
    ]


def in_float(model: Any) -> bytes:
    """Return a live Keras model as a float32 .tflite with a signature."""
    import tensorflow

    return bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())


def _builder(way: Callable[[Any, Subject], None]) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        import tensorflow

        converter = tensorflow.lite.TFLiteConverter.from_keras_model(subject.model)
        way(converter, subject)
        return Built({FILE: bytes(converter.convert())})

    return build


def _dynamic(converter: Any, _: Subject) -> None:
    import tensorflow

    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]


def _float16(converter: Any, subject: Subject) -> None:
    import tensorflow

    _dynamic(converter, subject)
    converter.target_spec.supported_types = [tensorflow.float16]


def _int8(converter: Any, subject: Subject) -> None:
    import tensorflow

    _calibrated(converter, subject)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # As edgebake's files have them, and devices that compute in nothing but integers want them.
    converter.inference_input_type = converter.inference_output_type = tensorflow.int8


def _int16x8(converter: Any, subject: Subject) -> None:
    import tensorflow

    _calibrated(converter, subject)
    converter.target_spec.supported_ops = [
        tensorflow.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int16


def _calibrated(converter: Any, subject: Subject) -> None:
    examples = subject.calibration()
    _dynamic(converter, subject)
    converter.representative_dataset = lambda: ([examples[i : i + 1]] for i in range(len(examples)))
