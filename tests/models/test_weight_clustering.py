"""The best few values for some weights, worked out by hand.

Guards that clusters are the best ones, not the ones that a random start gave.
Slow: it imports coremltools.
"""

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.models.weight_clustering import cluster_values

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(
        1
    )  # before coremltools imports TensorFlow with other kernels, for the tests behind this one


def test_four_values_stand_for_weights_that_lie_around_them() -> None:
    weights = np.array([[0.0, 0.1, 5.0], [5.2, 9.0, -3.0]], np.float32)
    table, indices = cluster_values(weights, 2)
    assert table.tolist() == pytest.approx([-3.0, 0.05, 5.1, 9.0])
    assert indices.tolist() == [1, 1, 2, 2, 3, 0]


def test_a_value_that_is_there_more_often_pulls_harder() -> None:
    table, _ = cluster_values(np.array([0, 0, 0, 1, 10], np.float32), 1)
    assert table.tolist() == pytest.approx([0.25, 10.0])


def test_fewer_values_than_entries_are_kept_exactly() -> None:
    weights = np.array([0.5, -1.5, 0.5, 0.5], np.float16)
    table, indices = cluster_values(weights, 2)
    assert table.dtype == np.float16
    assert table[indices].tolist() == weights.tolist()
    assert len(table) == 4
