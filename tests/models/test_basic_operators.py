"""Operators are replaced by others that compute the same, and calls by what they call.

Guards that a graph is changed only where a converter needs it, and never in what it answers.
Slow: it starts TensorFlow.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.models import basic_operators, keras_session
from edgebake.models.tflite.from_keras import to_tflite
from edgebake.runtimes import litert
from edgebake.runtimes.litert import run
from edgebake.runtimes.session import NamedExamples, predictions, single_output

pytestmark = pytest.mark.slow

VALUES = np.array([-9, -2, -0.5, 0, 1e-3, 0.5, 2, 9], np.float32)


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def _frozen(compute: Any, shape: tuple[int, ...]) -> Any:
    import tensorflow

    signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="x")]
    return keras_session.freeze(tensorflow.function(compute, input_signature=signature))


def _operators(function: Any) -> list[str]:
    return [operation.type for operation in function.graph.get_operations()]


def _answer(function: Any, x: NDArray[np.float32]) -> NDArray[np.float32]:
    import tensorflow

    answers = tensorflow.nest.flatten(function(tensorflow.constant(x)))
    return np.asarray(answers[0])


@pytest.mark.parametrize(
    ("operator", "function", "values"),
    [
        ("Erf", "math.erf", VALUES),
        ("Erfc", "math.erfc", VALUES),
        ("Expm1", "math.expm1", VALUES),
        ("IsNan", "math.is_nan", np.append(VALUES, np.float32("nan"))),
        ("Log1p", "math.log1p", np.abs(VALUES)),
        ("Selu", "nn.selu", np.append(VALUES, np.float32(500))),
        ("Softplus", "nn.softplus", np.append(VALUES, np.float32(500))),
    ],
)
def test_an_operator_that_a_converter_lacks_is_replaced(
    keras: Any, operator: str, function: str, values: NDArray[np.float32]
) -> None:
    import tensorflow

    module, name = function.split(".")
    compute = getattr(getattr(tensorflow, module), name)
    frozen = _frozen(compute, values.shape)
    replaced = basic_operators.replace(frozen, (operator,))
    assert operator in _operators(frozen)
    assert operator not in _operators(replaced)
    exact = np.asarray(compute(values.astype(np.float64)))
    np.testing.assert_allclose(_answer(replaced, values), exact, rtol=1e-6, atol=1e-6)


def test_the_root_of_0_is_finite_in_litert(keras: Any) -> None:
    image = keras.Input((1, 3))
    model = keras.Model(image, keras.layers.UnitNormalization()(image))
    values = np.array([[[[0, 0, 0]]], [[[3, 0, 4]]], [[[1e-9, 0, 0]]]], np.float32)
    session = run.load({litert.FILE: to_tflite(model)}, 1)
    answers = single_output(predictions(session, NamedExamples({"image": values[:, 0]})))
    expected = np.array([[0, 0, 0], [0.6, 0, 0.8], [1, 0, 0]], np.float32)
    np.testing.assert_allclose(answers.reshape(3, 3), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("summand", "bounds"), [(1e-6, 0), (0.0, 1)], ids=["positive summand", "no summand"]
)
def test_roots_get_a_bound_where_they_have_none(keras: Any, summand: float, bounds: int) -> None:
    frozen = _frozen(lambda x: keras.ops.rsqrt(keras.ops.square(x) + summand), (4,))
    replaced = basic_operators.replace(frozen, basic_operators.OVERFLOWING_IN_LITERT)
    assert _operators(replaced).count("Maximum") == bounds


def _pad(x: Any) -> Any:
    import tensorflow

    return tensorflow.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], mode="SYMMETRIC")


def _resize(x: Any) -> Any:
    import tensorflow

    return tensorflow.image.resize(x, (3, 7), method="nearest")


def _roll(x: Any) -> Any:
    import tensorflow

    return tensorflow.roll(x, [1, -2], axis=[1, -2])


@pytest.mark.parametrize(
    ("operator", "compute"),
    [("MirrorPad", _pad), ("ResizeNearestNeighbor", _resize), ("Roll", _roll)],
)
def test_an_operator_that_picks_values_becomes_gathers(
    keras: Any, operator: str, compute: Any
) -> None:
    x = np.arange(5 * 6 * 2, dtype=np.float32).reshape(1, 5, 6, 2)
    frozen = _frozen(compute, x.shape)
    replaced = basic_operators.replace(frozen, (operator,))
    assert operator in _operators(frozen)
    assert _operators(replaced).count("GatherV2") == 2
    assert operator not in _operators(replaced)
    np.testing.assert_array_equal(_answer(replaced, x), np.asarray(compute(x)))


LARGE = np.array([-1e4, -89, -88, -17, -1, -1e-3, 0, 1e-3, 1, 17, 88, 89, 1e4], np.float32)


@pytest.mark.parametrize(("operator", "function"), [("Softplus", "softplus"), ("Selu", "selu")])
def test_an_activation_that_overflows_in_litert_is_replaced_by_one_without_large_values(
    keras: Any, operator: str, function: str
) -> None:
    import tensorflow

    frozen = _frozen(getattr(tensorflow.nn, function), LARGE.shape)
    replaced = basic_operators.replace(frozen, basic_operators.OVERFLOWING_IN_LITERT)
    assert operator in _operators(frozen)
    assert operator not in _operators(replaced)
    assert "Exp" not in _operators(replaced)
    exact = np.asarray(getattr(tensorflow.nn, function)(LARGE.astype(np.float64)))
    np.testing.assert_allclose(_answer(replaced, LARGE), exact, rtol=3e-7, atol=1e-6)


def test_a_graph_without_these_operators_is_the_same_object(keras: Any) -> None:
    import tensorflow

    frozen = _frozen(tensorflow.nn.relu, (8,))
    assert basic_operators.replace(frozen, basic_operators.REPLACEMENTS) is frozen


@pytest.mark.parametrize(
    ("groups", "options", "kind"),
    [
        (6, {}, "DepthwiseConv2dNative"),
        (6, {"strides": 2, "padding": "same"}, "DepthwiseConv2dNative"),
        (6, {"dilation_rate": 2}, "DepthwiseConv2dNative"),
        (3, {}, "Conv2D"),
    ],
)
def test_a_grouped_convolution_is_no_call_and_a_depthwise_one_where_it_can_be(
    keras: Any, groups: int, options: dict[str, Any], kind: str
) -> None:
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 6), name="image")
    layer = keras.layers.Conv2D(12, 3, groups=groups, use_bias=False, **options)
    model = keras.Model(image, layer(image))
    frozen = keras_session.frozen_graph(model)
    operators = _operators(frozen)
    assert operators.count(kind) == 1
    assert not {"StatefulPartitionedCall", "PartitionedCall"}.intersection(operators)
    images = np.random.default_rng(0).normal(size=(1, 8, 8, 6)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(_answer(frozen, images), expected, atol=1e-6)
