"""What a Keras model is made of, whoever made it and however."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgebake.errors import ConversionError
from edgebake.models import keras_graph, keras_session


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def test_a_sequential_model_becomes_a_functional_one_of_the_same_layers(keras: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a")], name="some")
    found = keras_graph.functional(model)
    assert keras_graph.kind(found) == "Functional"
    assert found.name == "some"
    assert found.get_layer("a") is model.get_layer("a")
    images = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(np.array(found(images)), np.array(model(images)))


def test_a_model_of_lists_becomes_one_of_tensors(keras: Any) -> None:
    image = keras.Input((3,), name="image")
    found = keras_graph.functional(keras.Model([image], [keras.layers.Dense(2)(image)]))
    assert isinstance(found.input, keras.KerasTensor)
    assert found(np.ones((4, 3), np.float32)).shape == (4, 2)


def test_several_ends_are_refused(keras: Any) -> None:
    one, other = keras.Input((2,)), keras.Input((2,))
    model = keras.Model([one, other], [keras.layers.Add()([one, other]), one, other], name="many")
    with pytest.raises(
        ConversionError, match=r"^model 'many': has 2 inputs and 3 outputs; expected one of each$"
    ):
        keras_graph.functional(model)


def _names(model: Any) -> list[str]:
    return [node.operation.name for node in keras_graph.nodes(model)]


def test_a_call_comes_after_those_that_it_reads(keras: Any) -> None:
    layers = keras.layers
    image = keras.Input((4, 4, 2), name="image")
    short = layers.Conv2D(3, 1, name="short")(image)
    x = layers.ReLU(name="relu")(layers.Conv2D(3, 1, name="long")(image))
    model = keras.Model(image, layers.Add(name="sum")([short, x]))
    names = _names(model)
    assert sorted(names) == ["image", "long", "relu", "short", "sum"]
    assert names[0] == "image"
    assert names.index("long") < names.index("relu") < names.index("sum") == 4


def test_a_layer_that_is_used_twice_has_two_calls(keras: Any) -> None:
    image = keras.Input((3,), name="image")
    twice = keras.layers.Dense(3, name="twice")
    assert _names(keras.Model(image, twice(twice(image)))) == ["image", "twice", "twice"]


def test_calls_in_another_model_do_not_count(keras: Any) -> None:
    image, other = keras.Input((3,), name="image"), keras.Input((3,), name="other")
    shared = keras.layers.Dense(3, name="shared")
    keras.Model(image, keras.layers.ReLU(name="relu")(shared(image)))
    model = keras.Model(other, shared(other))
    assert _names(model) == ["other", "shared"]
    assert keras_graph.nodes(model)[1].input_tensors[0] is other


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda layers: layers.Conv2D(2, 1), "linear"),
        (lambda layers: layers.Conv2D(2, 1, activation="silu"), "silu"),
        (lambda layers: layers.Dense(2, activation="softmax"), "softmax"),
        (lambda layers: layers.Activation("hard_swish"), "hard_silu"),
        (lambda layers: layers.Activation(layers.ReLU()), "relu"),
        (lambda layers: layers.ReLU(), "relu"),
        (lambda layers: layers.ReLU(6.0), "relu6"),
        (lambda layers: layers.ReLU(1.0), "clipped_relu"),
        (lambda layers: layers.ReLU(negative_slope=0.1), "bent_relu"),
        (lambda layers: layers.ReLU(threshold=1.0), "bent_relu"),
        (lambda layers: layers.Softmax(), "softmax"),
        (lambda layers: layers.MaxPooling2D(), "linear"),
    ],
)
def test_an_activation_is_what_a_layer_applies_last(
    keras: Any, make: Callable[[Any], Any], expected: str
) -> None:
    assert keras_graph.activation(make(keras.layers)) == expected


@pytest.mark.parametrize("name", ["relu", "relu6", "sigmoid", "tanh", "softmax"])
def test_an_operation_is_an_activation_too(keras: Any, name: str) -> None:
    image = keras.Input((3,), name="image")
    operation = keras_graph.nodes(keras.Model(image, getattr(keras.ops, name)(image)))[1].operation
    assert keras_graph.activation(operation) == name


def test_a_layer_and_an_operation_of_one_meaning_are_of_one_kind(keras: Any) -> None:
    image = keras.Input((3,), name="image")
    sums = keras.layers.Add()([image, image]), image + image
    assert [
        keras_graph.kind(keras_graph.nodes(keras.Model(image, one))[1].operation) for one in sums
    ] == ["Add", "Add"]
