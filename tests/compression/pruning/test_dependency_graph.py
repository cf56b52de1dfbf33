"""Coupled and unpruned channels, worked out by hand for each kind of coupling."""

import numpy as np
import pytest

from edgebake.compression.pruning import dependency_graph
from edgebake.models import keras_graph, keras_session
from tests.compression.pruning import graphs

ANSWER = {"answer": graphs.SOFTMAX}


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


@pytest.mark.parametrize("name", graphs.GRAPHS)
def test_families_are_the_layers_that_are_tied_and_others_stay_whole_for_a_reason(
    name: str,
) -> None:
    _, dependencies = graphs.read(name)
    assert {family.layers: len(family.groups) for family in dependencies.families} == graphs.GRAPHS[
        name
    ].families
    assert graphs.reasons(dependencies) == graphs.GRAPHS[name].whole | ANSWER


def test_what_is_tied_is_tied_channel_by_channel() -> None:
    _, dependencies = graphs.read("concatenation_and_sum")
    a, b, c = (dependencies.channels[name].outputs for name in "abc")
    assert c.tolist() == [*a, *b]
    assert len(set(c.tolist())) == 5
    assert [family.groups.tolist() for family in dependencies.families[:2]] == [
        a.tolist(),
        b.tolist(),
    ]


def test_channels_of_a_flat_tensor_come_again_and_again() -> None:
    _, dependencies = graphs.read("flatten")
    assert (
        dependencies.channels["b"].inputs.tolist()
        == dependencies.channels["a"].outputs.tolist() * 9
    )


def test_channels_of_a_multiplied_depthwise_convolution_stand_side_by_side() -> None:
    _, dependencies = graphs.read("multiplied_and_tied")
    assert (
        dependencies.channels["b"].outputs.tolist()
        == np.repeat(dependencies.channels["a"].outputs, 2).tolist()
    )


def test_rows_of_two_pixels_hold_the_channels_of_one_behind_those_of_the_other() -> None:
    _, dependencies = graphs.read("rows")
    assert (
        dependencies.channels["b"].inputs.tolist()
        == dependencies.channels["a"].outputs.tolist() * 2
    )


def test_a_sequential_model_is_read_as_a_functional_one() -> None:
    keras = keras_session.start(1)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Conv2D(3, 3, name="a"), layers.Flatten()]
    )
    model.add(layers.Dense(2, name="answer"))
    dependencies = dependency_graph.read(keras_graph.functional(model))
    assert [(family.layers, len(family.groups)) for family in dependencies.families] == [
        (("a",), 3)
    ]
    assert dependencies.unpruned == {"answer": "its channels are the output of the model"}


def test_a_layer_of_which_a_part_is_kept_can_lose_the_rest() -> None:
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((4, 4, 1), name="image")
    a, b = layers.Conv2D(3, 1, name="a")(image), layers.Conv2D(2, 1, name="b")(image)
    x = layers.Add()(
        [
            layers.Concatenate()([layers.Softmax(name="soft")(a), b]),
            layers.Conv2D(5, 1, name="c")(image),
        ]
    )
    dependencies = dependency_graph.read(
        keras.Model(image, layers.GlobalAveragePooling2D()(layers.Dense(2, name="d")(x)))
    )
    assert [(family.layers, len(family.groups)) for family in dependencies.families] == [
        (("b", "c"), 2)
    ]
    assert (
        dependencies.unpruned["c"]
        == "its channels meet 'soft', a Softmax, which pruning does not support"
    )
