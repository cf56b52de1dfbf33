"""Convert a Keras model to a float .tflite with TensorFlow's converter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgebake.errors import ConversionError
from edgebake.models import basic_operators, converter_errors, keras_session
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, Ends

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

LIBRARY = "LiteRT's converter"
# Operators of TensorFlow that LiteRT lacks, in the order in which they are replaced.
REPLACED_OPERATORS = ("Erfc", "Erf", "ResizeBicubic", "ScaleAndTranslate")
# In the message of TensorFlow's converter, of operators that LiteRT has none for.
UNKNOWN_OPERATOR = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")


def to_tflite(
    model: keras.Model, ends: Ends = IMAGE_CLASSIFIER, float16_weights: bool = False
) -> bytes:
    """Return a model as a .tflite without metadata, for one example at a time.

    Args:
        model: live, in float32.
        ends: names of its inputs and outputs.
        float16_weights: whether weights are stored in float16; it computes in float32.

    Raises:
        ConversionError: LiteRT has no operator for one of the model's.
    """
    # The variables are constants by now. Passing the Keras model as second argument would leave
    # them out of the file, without an error.
    frozen = keras_session.frozen_graph(model, ends)
    graph = basic_operators.replace(frozen, basic_operators.OVERFLOWING_IN_LITERT)
    try:
        return _convert(graph, float16_weights)
    except ConversionError:
        # Only then: the converter makes one operator, GELU, of what holds these.
        replaced = graph
        for operator in REPLACED_OPERATORS:
            replaced = basic_operators.replace(replaced, (operator,))
        if replaced is graph:
            raise
    return _convert(replaced, float16_weights)


def _convert(graph: tf.types.experimental.ConcreteFunction, float16_weights: bool) -> bytes:
    import tensorflow

    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([graph])
    if float16_weights:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    with converter_errors.in_one_line(LIBRARY):
        try:
            return bytes(converter.convert())
        except Exception as error:
            unknown = set(UNKNOWN_OPERATOR.findall(str(error)))
            if not unknown:
                raise
            raise converter_errors.unknown_operators(LIBRARY, graph, unknown) from error
