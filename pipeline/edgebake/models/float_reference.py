"""The float model as a file that runs without TensorFlow: what every converted file's loss is counted against."""

from typing import Any

from edgebake.models import keras_session


def convert(model: Any) -> bytes:
    """Return a live Keras model as a float32 .tflite."""
    import tensorflow

    return bytes(
        tensorflow.lite.TFLiteConverter.from_concrete_functions(
            [keras_session.frozen_graph(model)]
        ).convert()
    )
