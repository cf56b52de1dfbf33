"""A model without some channels computes what the original does with these channels zero.

Random channels are removed, and all tensors compared: a softmax could hide differences.

Guards that cutting channels changes nothing but those channels, in every architecture.
Slow: the slow ones build and run all six architectures.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake import plugins
from edgebake.compression.pruning import (
    cost_model,
    dependency_graph,
    layer_costs,
    operation_kinds,
    shrink,
)
from edgebake.compression.pruning.dependency_graph import Dependencies
from edgebake.errors import ConversionError
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import Model
from tests import architectures, properties
from tests.compression.pruning import graphs, zeros
from tests.compression.pruning.zeros import Groups
from tests.contracts import square_contract

SEEDS = st.integers(0, 2**32 - 1)
FEW = properties.one_in(30)
TOLERANCE = 1e-4  # of the largest number in a tensor

Read = tuple[Any, Dependencies]


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


@functools.cache
def made(name: str) -> Read:
    return graphs.read(name)


@functools.cache
def architecture(name: str) -> Read:
    keras_session.start(1)
    model = plugins.load("model.architecture", name).build(
        Model(name, 0.25, 32), square_contract(32, 3, 10)
    )
    model = graphs.randomise(model)
    return model, dependency_graph.read(model)


def check(read: Read, seed: int) -> None:
    """Remove some channels; compare all tensors, and the cost with that of the cost model."""
    model, dependencies = read
    counts, dropped = zeros.some(dependencies, seed)
    small = shrink.remove_channels(model, dependencies, dropped)
    assert_same(zeros.run(small), zeros.zeroed(model, dependencies, dropped))
    left = layer_costs.count(small)
    for word in ("macs", "parameters"):
        assert float(cost_model.build(model, dependencies, word).cost(counts)) == pytest.approx(
            layer_costs.total(left, word), rel=1e-9
        )


def assert_same(cut: dict[str, list[Any]], zeroed: dict[str, list[Any]]) -> None:
    assert sorted(cut) == sorted(zeroed)
    for name, tensors in zeroed.items():
        for actual, expected in zip(cut[name], tensors, strict=True):
            np.testing.assert_allclose(
                actual,
                expected,
                rtol=0,
                atol=TOLERANCE * max(np.abs(expected).max(), 1e-6),
                err_msg=name,
            )


@pytest.mark.parametrize("name", graphs.GRAPHS)
@given(seed=SEEDS)
@FEW
def test_a_model_without_some_channels_computes_the_same_as_with_zeros(
    name: str, seed: int
) -> None:
    check(made(name), seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", architectures.NAMES)
@given(seed=SEEDS)
@FEW
def test_an_architecture_without_some_channels_computes_the_same_as_with_zeros(
    name: str, seed: int
) -> None:
    check(architecture(name), seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", architectures.NAMES)
def test_every_layer_of_an_architecture_but_the_last_may_be_cut(name: str) -> None:
    model, dependencies = architecture(name)
    makers = [
        layer.name for layer in model.layers if keras_graph.kind(layer) in operation_kinds.MIXING
    ]
    assert list(dependencies.unpruned) == makers[-1:]
    assert {layer for family in dependencies.families for layer in family.layers} == set(
        makers[:-1]
    )


def test_nothing_dropped_is_the_same_model() -> None:
    model, dependencies = made("residual")
    whole = shrink.remove_channels(model, dependencies, np.zeros(0, np.int64))
    for actual, expected in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert [layer.name for layer in whole.layers] == [layer.name for layer in model.layers]


def test_weights_are_those_of_the_channels_that_stay() -> None:
    model, dependencies = made("residual")
    groups = dependencies.families[0].groups
    small = shrink.remove_channels(model, dependencies, groups[[1, 3]])
    for name in ("a", "b"):
        kernel, bias = model.get_layer(name).get_weights()
        inputs = [0, 1] if name == "a" else [0, 2]
        np.testing.assert_array_equal(
            small.get_layer(name).kernel, kernel[:, :, inputs][..., [0, 2]]
        )
        np.testing.assert_array_equal(small.get_layer(name).bias, bias[[0, 2]])
    np.testing.assert_array_equal(
        small.get_layer("answer").kernel, model.get_layer("answer").kernel.numpy()[[0, 2]]
    )


def test_weights_behind_flatten_are_those_of_each_place() -> None:
    model, dependencies = made("flatten")
    small = shrink.remove_channels(model, dependencies, dependencies.families[0].groups[[1]])
    kernel = model.get_layer("b").kernel.numpy().reshape(9, 3, 5)
    np.testing.assert_array_equal(small.get_layer("b").kernel, kernel[:, [0, 2]].reshape(18, 5))


def test_weights_of_a_multiplied_depthwise_convolution_go_by_what_it_reads() -> None:
    model, dependencies = made("multiplied_and_tied")
    small = shrink.remove_channels(model, dependencies, dependencies.families[0].groups[[1]])
    before, after = (
        next(layer for layer in actual.layers if keras_graph.kind(layer) == "DepthwiseConv2D")
        for actual in (model, small)
    )
    np.testing.assert_array_equal(after.kernel, before.kernel.numpy()[:, :, [0, 2]])
    np.testing.assert_array_equal(after.bias, before.bias.numpy()[[0, 1, 4, 5]])


def test_a_sequential_model_is_cut_too() -> None:
    keras = keras_session.start(1)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.Conv2D(5, 3), layers.BatchNormalization(), layers.Flatten()]
    )
    model.add(layers.Dense(2))
    model = graphs.randomise(keras_graph.functional(model))
    check((model, dependency_graph.read(model)), seed=1)


def test_the_model_itself_stays_as_it_is() -> None:
    model, dependencies = made("squeeze")
    before = keras_session.save(model)
    shrink.remove_channels(model, dependencies, zeros.some(dependencies, 2)[1])
    assert keras_session.save(model) == before


def _others(sliced: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Return a function that keeps the last channels of layer `a` instead of the right ones."""

    def wrong(layer: Any, dependencies: Dependencies, dropped: Groups) -> list[Any]:
        weights = sliced(layer, dependencies, dropped)
        if layer.name != "a":
            return weights
        return [
            whole[..., -part.shape[-1] :]
            for whole, part in zip(layer.get_weights(), weights, strict=True)
        ]

    return wrong


@pytest.mark.parametrize("name", ["residual", "flatten", "squeeze"])
def test_a_model_of_the_wrong_channels_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, dependencies = made(name)
    monkeypatch.setattr(shrink, "_remaining_weights", _others(shrink._remaining_weights))
    with pytest.raises(ConversionError, match=re.escape("the rewritten model differs by ")):
        shrink.remove_channels(model, dependencies, dependencies.families[0].groups[-1:])


def test_names_that_keras_would_give_again_do_not_meet() -> None:
    """A model that was loaded has the names that a fresh process counts from."""
    keras = keras_session.start(1)
    keras.backend.clear_session()
    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Conv2D(4, 3, name="a")(image) * 0.5
    x = keras.layers.GlobalAveragePooling2D(name="mean")(keras.layers.Conv2D(4, 1, name="b")(x))
    model = keras.Model(image, keras.layers.Dense(2, name="answer")(x))
    assert "multiply" in [operation.name for operation in model.operations]
    keras.backend.clear_session()
    dependencies = dependency_graph.read(model)
    made = shrink.remove_channels(model, dependencies, dependencies.families[0].groups[:2])
    assert made.get_layer("a").filters == 2
