"""Cost model of a small model, computed by hand; test_shrink.py compares it on all graphs."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import cost_model, dependency_graph
from edgebake.compression.pruning.cost_model import CostModel
from edgebake.models import keras_session


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


def model() -> Any:
    """Return a model with families of 4 and of 2 channels; a dense layer reads four positions."""
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((2, 2, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(4, 1, name="a")(image))
    x = layers.Conv2D(2, 1, use_bias=False, name="b")(x)
    return keras.Model(image, layers.Dense(5, name="answer")(layers.Flatten()(x)))


def test_products_are_summed() -> None:
    costs = CostModel(
        np.array([10.0, 1.0]), np.array([[0, 0, 3], [1, 0, 0]]), np.array([[1, 0, 0], [0, 2, 1]])
    )
    assert costs.cost(np.array([4.0, 2.0])) == 10 * 3 * 4 + 1 * 4 * (2 * 2 + 1)
    assert costs.cost(np.array([[4.0, 2.0], [1.0, 1.0]])).tolist() == [140, 30 + 3]


@pytest.mark.parametrize(("a", "b"), [(4, 2), (3, 2), (4, 1), (1, 1)])
def test_costs_follow_the_channels_that_stay(a: int, b: int) -> None:
    costs = model()
    dependencies = dependency_graph.read(costs)
    assert [family.layers for family in dependencies.families] == [("a",), ("b",)]
    counts = np.array([a, b], np.float64)
    assert cost_model.build(costs, dependencies, "macs").cost(counts) == pytest.approx(
        4 * 3 * a + 4 * a * b + 4 * b * 5
    )
    parameters = (3 * a + a) + 4 * a + a * b + (4 * b * 5 + 5)
    assert cost_model.build(costs, dependencies, "parameters").cost(counts) == pytest.approx(
        parameters
    )
