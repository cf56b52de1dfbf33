"""Every int8 kernel that LiteRT's quantizer does not know answers as the float operator does.

Guards that the scales of inputs and outputs are those that each kernel expects.
Slow: it starts TensorFlow and converts a file per operator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.recipe import Granularity
from edgebake.runtimes import litert
from edgebake.runtimes.litert import run
from edgebake.runtimes.litert.calibrated_model import CalibratedModel
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.litert.integer_form import integer_form
from edgebake.runtimes.litert.quantizer import IntegerOptions, quantize_integers

pytestmark = pytest.mark.slow

INPUT = "image"
SHAPE = (1, 4, 4, 8)
INT8 = IntegerOptions("int8", Granularity.per_channel)
Images = Any  # float32 [n, 1, 4, 4, 8]
Operator = Callable[[Any, Any], Any]  # of TensorFlow and the input


@dataclass(frozen=True)
class KnownRanges(CalibratedModel):
    """A float file whose ranges are those of its values on the given images."""

    images: Any

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        bounds = {}
        for name, values in self.compute_values({INPUT: self.images}).items():
            bounds[name] = (min(0.0, float(np.min(values))), max(0.0, float(np.max(values))))
        return bounds


@pytest.fixture(scope="module")
def tensorflow() -> Any:
    keras_session.start(1, 0)
    import tensorflow

    return tensorflow


@pytest.fixture(scope="module")
def images() -> Images:
    return np.random.default_rng(0).normal(0, 1.2, (20, *SHAPE)).astype(np.float32)


def _other(tf: Any, x: Any) -> Any:
    """Return other values of the same range."""
    return tf.transpose(x, [0, 2, 1, 3])


OPERATORS: dict[str, Operator] = {
    "LEAKY_RELU": lambda tf, x: tf.nn.leaky_relu(x, 0.2),
    "ELU": lambda tf, x: tf.nn.elu(x),
    "EXP": lambda tf, x: tf.exp(x),
    "LOG": lambda tf, x: tf.math.log(tf.abs(x) + 1),
    "ABS": lambda tf, x: tf.abs(x),
    "RELU6": lambda tf, x: tf.nn.relu6(_other(tf, x)),
    "TILE": lambda tf, x: tf.tile(x, [1, 2, 1, 1]),
    "REDUCE_MAX": lambda tf, x: tf.reduce_max(x, [1, 2]),
    "MINIMUM": lambda tf, x: tf.minimum(tf.minimum(x, _other(tf, x)), 0.7),
    "DEPTH_TO_SPACE": lambda tf, x: tf.nn.depth_to_space(x, 2),
    "SPACE_TO_BATCH_ND": lambda tf, x: tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]]),
    "REVERSE_V2": lambda tf, x: tf.reverse(x, [1]),
    "SPLIT_V": lambda tf, x: tf.concat(tf.split(x, [3, 5], 3)[::-1], 3),
    "TOPK_V2": lambda tf, x: tf.math.top_k(x, 3).values,
    "LOG_SOFTMAX": lambda tf, x: tf.nn.log_softmax(x),
    "L2_NORMALIZATION": lambda tf, x: tf.nn.l2_normalize(x, -1),
    # Without an int8 kernel, written as others that have one.
    "MUL": lambda tf, x: tf.negative(tf.square(x)),
    "ADD": lambda tf, x: tf.raw_ops.AddN(inputs=[x, _other(tf, x), x]),
    # Of several outputs, some of which nothing reads.
    "UNPACK": lambda tf, x: tf.unstack(x, axis=1)[1],
    "SPLIT": lambda tf, x: tf.split(x, 4, 3)[1],
}


@pytest.mark.parametrize("kind", OPERATORS)
def test_an_operator_answers_in_int8_as_in_float(
    tensorflow: Any, images: Images, kind: str
) -> None:
    model = _float_file(tensorflow, OPERATORS[kind], images)
    quantized = quantize_integers(model, INT8)
    kinds = {operator.name for operator in _inspected(quantized).operators}
    assert kind in kinds
    assert _inspected(quantized).float_operators() == []
    expected = _answers(model.model, images)
    width = expected.max() - expected.min()
    steps = 255 * np.abs(_answers(quantized, images) - expected).max() / width
    assert steps < 6  # LOG and EXP spread the steps of their input


def test_prelu_has_int8_slopes(tensorflow: Any, images: Images) -> None:
    """PReLU of Keras becomes PRELU only behind a convolution of Keras' own graph."""
    keras = tensorflow.keras
    image = keras.Input(SHAPE[1:])
    slopes = keras.initializers.RandomUniform(-0.5, 1, seed=1)
    layer = keras.layers.PReLU(slopes, shared_axes=[1, 2])
    model = keras.Model(image, layer(keras.layers.Conv2D(8, 1)(image)))
    float_model = _float_file(tensorflow, lambda _, x: model(x), images)
    quantized = quantize_integers(float_model, INT8)
    counts = {(operator.name, operator.dtypes) for operator in _inspected(quantized).operators}
    assert counts == {("CONV_2D", ("int8",)), ("PRELU", ("int8",))}
    expected = _answers(float_model.model, images)
    width = expected.max() - expected.min()
    assert 255 * np.abs(_answers(quantized, images) - expected).max() / width < 4


def test_hard_swish_is_no_operator_of_its_own(tensorflow: Any, images: Images) -> None:
    def hard_swish(tf: Any, x: Any) -> Any:
        return x * tf.nn.relu6(x + 3) * (1 / 6)

    model = _float_file(tensorflow, hard_swish, images)
    quantized = quantize_integers(model, INT8)
    names = [operator.name for operator in _inspected(quantized).operators]
    assert names == ["ADD", "MUL", "MUL"]
    difference = np.abs(_answers(quantized, images) - _answers(model.model, images)).max()
    assert difference < 0.06  # of values up to 5


def test_an_excluded_operator_stays_in_float(tensorflow: Any, images: Images) -> None:
    model = _float_file(tensorflow, OPERATORS["LEAKY_RELU"], images)
    (output,) = [name for name in model.bounds if name != INPUT]
    options = IntegerOptions("int8", Granularity.per_channel, float_operators=[output])
    inspection = _inspected(quantize_integers(model, options))
    assert [operator.name for operator in inspection.operators] == ["LEAKY_RELU"]
    assert inspection.float_operators() == ["LEAKY_RELU"]


def _float_file(tensorflow: Any, operator: Operator, images: Images) -> KnownRanges:
    @tensorflow.function(  # type: ignore[untyped-decorator]
        input_signature=[tensorflow.TensorSpec(SHAPE, name=INPUT)]
    )
    def function(x: Any) -> Any:
        return tensorflow.identity(operator(tensorflow, x))

    graph = function.get_concrete_function()
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([graph])
    flat = images[:, 0]
    return KnownRanges(integer_form(converter.convert()), ActivationRanges.empty(), flat)


def _inspected(model: bytes) -> Any:
    return inspect({litert.FILE: model})


def _answers(model: bytes, images: Images) -> Any:
    session = run.load({litert.FILE: model}, 1)
    answers = []
    for image in images:
        session.feed({INPUT: image})
        session.invoke()
        (answer,) = session.read().values()
        answers.append(answer)
    return np.stack(answers)
