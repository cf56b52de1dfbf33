"""Scores: four worked answers of a classifier with three classes."""

import numpy as np
import pytest

from edgebake.tasks.outputs import classification

ANSWERS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.0, 0.1, 0.9]], np.float32)
LABELS = np.array([0, 1, 2, 2])


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert classification.accuracy(ANSWERS, LABELS) == 0.75


def test_a_tie_counts_for_the_first_class() -> None:
    tie = np.array([[0.5, 0.5]], np.float32)
    assert classification.accuracy(tie, np.array([0])) == 1
    assert classification.accuracy(tie, np.array([1])) == 0


def test_calibration_error_is_the_gap_in_each_bin_weighted_by_its_examples() -> None:
    # Two bins: four predictions at 0.95, three of them correct; one at 0.5, correct.
    # (|4 * 0.95 - 3| + |0.5 - 1|) / 5
    confidences, right = (
        np.array([0.95, 0.95, 0.95, 0.95, 0.5]),
        np.array([True, True, True, False, True]),
    )
    assert classification.expected_calibration_error(confidences, right) == pytest.approx(
        (0.8 + 0.5) / 5
    )


def test_who_is_as_right_as_it_is_sure_has_no_calibration_error() -> None:
    confidences, right = np.array([0.75] * 4 + [1.0]), np.array([True, True, True, False, True])
    assert classification.expected_calibration_error(confidences, right) == pytest.approx(0)
