"""Distillation loss, computed by hand."""

import math
from typing import Any

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.training import distillation
from edgebake.training.distillation import TeacherPredictions

TAUGHT = np.array([[0.8, 0.2], [0.1, 0.9]], np.float32)
LABELS = np.array([0, 0])


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


def loss(probabilities: Any, temperature: float, alpha: float) -> list[float]:
    """Return the loss of each of the two examples."""
    labels = distillation.combined_labels(LABELS, TAUGHT)
    distillation_loss = distillation.loss(TeacherPredictions(TAUGHT, TAUGHT, temperature, alpha))
    losses: list[float] = np.array(
        distillation_loss(labels, np.array(probabilities, np.float32))
    ).tolist()
    return losses


def test_goals_are_labels_beside_answers() -> None:
    expected = np.array([[1, 0, 0.8, 0.2], [1, 0, 0.1, 0.9]], np.float32)
    assert np.array_equal(distillation.combined_labels(LABELS, TAUGHT), expected)


def test_all_of_the_labels_is_cross_entropy() -> None:
    assert loss([[0.5, 0.5], [0.25, 0.75]], 3.0, 1.0) == pytest.approx([math.log(2), math.log(4)])


@pytest.mark.parametrize("temperature", [1.0, 2.0, 10.0])
def test_who_answers_as_the_teacher_has_nothing_to_learn_from_it(temperature: float) -> None:
    assert loss(TAUGHT, temperature, 0.0) == pytest.approx([0, 0], abs=1e-6)


def test_at_temperature_one_it_is_the_divergence_of_both_answers() -> None:
    # 0.8 ln(0.8 / 0.5) + 0.2 ln(0.2 / 0.5) and 0.1 ln(0.1 / 0.5) + 0.9 ln(0.9 / 0.5)
    assert loss([[0.5, 0.5], [0.5, 0.5]], 1.0, 0.0) == pytest.approx([0.192745, 0.368064], abs=1e-5)


def test_a_temperature_softens_both_and_its_square_makes_up_for_smaller_gradients() -> None:
    # At temperature 2 answers become their square roots, scaled to a sum of 1:
    # sqrt(0.8), sqrt(0.2) are 2 to 1, so 2/3, 1/3; sqrt(0.1), sqrt(0.9) are 1 to 3, so 1/4, 3/4.
    close = [
        2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3),
        1 / 4 * math.log(1 / 2) + 3 / 4 * math.log(3 / 2),
    ]
    even = [[0.5, 0.5], [0.5, 0.5]]
    assert loss(even, 2.0, 0.0) == pytest.approx([4 * divergence for divergence in close], abs=1e-5)
    assert loss(even, 2.0, 0.25) == pytest.approx(
        [0.25 * math.log(2) + 3 * divergence for divergence in close], abs=1e-5
    )


def test_certainty_is_no_infinity() -> None:
    assert np.isfinite(loss([[1.0, 0.0], [1.0, 0.0]], 1.0, 0.5)).all()


def test_accuracy_asks_for_the_labels_alone() -> None:
    right = distillation.accuracy(
        distillation.combined_labels(LABELS, TAUGHT), np.array([[0.6, 0.4], [0.4, 0.6]], np.float32)
    )
    assert np.array(right).tolist() == [1.0, 0.0]
