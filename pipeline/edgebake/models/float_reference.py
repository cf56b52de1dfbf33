"""Convert the float model to a file that runs without TensorFlow.

The accuracy of every converted file is compared with that of this reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.models.tflite import from_keras

if TYPE_CHECKING:
    import keras


def convert(model: keras.Model) -> bytes:
    """Return a model as a float32 .tflite: image [1, h, w, c] -> probabilities [1, classes]."""
    return from_keras.to_tflite(model)
