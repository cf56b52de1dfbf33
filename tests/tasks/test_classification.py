"""Scores: four worked answers of a classifier with three classes."""

import numpy as np

from pipeline.tasks.classification import accuracy

ANSWERS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.0, 0.1, 0.9]], np.float32)
LABELS = np.array([0, 1, 2, 2])


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert accuracy(ANSWERS, LABELS) == 0.75


def test_a_tie_counts_for_the_first_class() -> None:
    tie = np.array([[0.5, 0.5]], np.float32)
    assert accuracy(tie, np.array([0])) == 1
    assert accuracy(tie, np.array([1])) == 0
