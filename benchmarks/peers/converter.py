"""TensorFlow's own TFLiteConverter, post-training quantization as its guide has it.

Source: https://ai.google.dev/edge/litert/models/post_training_quantization
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

if TYPE_CHECKING:
    import keras
    import tensorflow

    Configure = Callable[[tensorflow.lite.TFLiteConverter, Subject], None]

TOOL = "TFLiteConverter"
FILE = "model.tflite"
METHODS = {"none": "float32", "dynamic": "dynamic range", "int8": "full integer"}


def makers() -> list[Maker]:
    """Return the makers of its four schemes and of its float file."""
    functions: dict[str, Configure] = {
        "none": lambda _, __: None,
        "dynamic": _dynamic,
        "float16": _float16,
        "int8": _int8,
        "int16x8": _int16x8,
    }
    return [
        Maker(TOOL, METHODS.get(scheme, scheme), "litert", scheme, _builder(configure))
        for scheme, configure in functions.items()
    ]


def float_file(model: keras.Model) -> bytes:
    """Convert a Keras model to a float32 .tflite with a signature."""
    import tensorflow

    return bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())


def _builder(configure: Configure) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        import tensorflow

        converter = tensorflow.lite.TFLiteConverter.from_keras_model(subject.model)
        configure(converter, subject)
        return Built({FILE: bytes(converter.convert())})

    return build


def _dynamic(converter: tensorflow.lite.TFLiteConverter, _: Subject) -> None:
    import tensorflow

    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]


def _float16(converter: tensorflow.lite.TFLiteConverter, subject: Subject) -> None:
    import tensorflow

    _dynamic(converter, subject)
    converter.target_spec.supported_types = [tensorflow.float16]


def _int8(converter: tensorflow.lite.TFLiteConverter, subject: Subject) -> None:
    import tensorflow

    _calibrate(converter, subject)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # The same as in edgebake's files: devices that compute only in integers require it.
    converter.inference_input_type = converter.inference_output_type = tensorflow.int8


def _int16x8(converter: tensorflow.lite.TFLiteConverter, subject: Subject) -> None:
    import tensorflow

    _calibrate(converter, subject)
    converter.target_spec.supported_ops = [
        tensorflow.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int16


def _calibrate(converter: tensorflow.lite.TFLiteConverter, subject: Subject) -> None:
    samples = subject.calibration_samples()

    def dataset() -> Iterator[list[NDArray[np.float32]]]:
        for number in range(len(samples)):
            yield [samples[number : number + 1]]

    _dynamic(converter, subject)
    converter.representative_dataset = dataset
