"""Predictions are compared class by class and number by number."""

import numpy as np
from numpy.typing import NDArray

from edgebake.evaluation.answer_comparison import AnswerComparison, compare


def _predictions(*classes: int) -> NDArray[np.float32]:
    return np.eye(3, dtype=np.float32)[list(classes)]


def test_counts_of_four_examples() -> None:
    source = _predictions(0, 0, 1, 2)
    file = _predictions(0, 1, 1, 1) * np.float32(0.75)
    # By chance: 2 * 1 of class 0, 1 * 3 of class 1, none of class 2, of 4.
    assert compare(file, source) == AnswerComparison(
        n=4, same=2, largest_difference=1.0, same_by_chance=1.25
    )


def test_a_file_of_one_answer_agrees_as_often_as_by_chance() -> None:
    comparison = compare(_predictions(0, 0, 0), _predictions(0, 1, 2))
    assert comparison.same == comparison.same_by_chance == 1
