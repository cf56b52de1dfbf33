"""Operators are replaced by others that compute the same, and calls by what they call.

Guards that a graph is changed only where a converter needs it, and never in what it answers.
Slow: it starts TensorFlow.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.models import basic_operators, keras_session

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


@pytest.mark.parametrize(("operator", "function"), [("Erfc", "erfc"), ("Expm1", "expm1")])
def test_an_operator_that_a_converter_lacks_is_replaced(
    keras: Any, operator: str, function: str
) -> None:
    import tensorflow

    frozen = _frozen(getattr(tensorflow.math, function), (8,))
    replaced = basic_operators.replace(frozen, (operator,))
    assert operator in _operators(frozen)
    assert operator not in _operators(replaced)
    exact = np.asarray(getattr(tensorflow.math, function)(VALUES.astype(np.float64)))
    np.testing.assert_allclose(_answer(replaced, VALUES), exact, rtol=1e-6, atol=1e-6)


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
