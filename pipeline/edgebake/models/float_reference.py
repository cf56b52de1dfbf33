"""Convert the float model to a file that runs without TensorFlow.

The accuracy of every converted file is compared with that of this reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.models import keras_session

if TYPE_CHECKING:
    import keras


def convert(model: keras.Model) -> bytes:
    """Return a model as a float32 .tflite: image [1, h, w, c] -> probabilities [1, classes]."""
    import tensorflow

    graph = keras_session.frozen_graph(model)
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([graph])
    return bytes(converter.convert())
