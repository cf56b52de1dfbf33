"""Scores: four worked answers of a classifier with three classes."""

import numpy as np
import pytest
from sklearn.metrics import f1_score  # before a test starts Keras, which hides it

from edgebake.recipe import Package, Protect, Smooth
from edgebake.tasks import task
from edgebake.tasks.outputs import classification
from edgebake.tasks.outputs.classification import ACCURACY, MACRO_F1, TASK

ANSWERS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.0, 0.1, 0.9]], np.float32)
LABELS = np.array([0, 1, 2, 2])
OUTPUTS = {"probabilities": ANSWERS}
TIE = {"probabilities": np.array([[0.5, 0.5]], np.float32)}


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert task.score(TASK, OUTPUTS, LABELS) == 0.75
    rows = ACCURACY.rows(OUTPUTS, LABELS)
    assert ACCURACY.value(rows, np.array([1.0, 0, 1, 0])) == 0.5
    assert ACCURACY.value(ACCURACY.best(rows), None) == 1


def test_a_tie_counts_for_the_first_class() -> None:
    assert task.score(TASK, TIE, np.array([0])) == 1
    assert task.score(TASK, TIE, np.array([1])) == 0
    assert TASK.tied(TIE).tolist() == [True]
    assert TASK.tied(OUTPUTS).tolist() == [False] * 4


def test_macro_f1_is_the_mean_over_classes() -> None:
    # Answers 0, 1, 1, 2 to 0, 1, 2, 2: F1 of 1, 2/3 and 2/3.
    rows = MACRO_F1.rows(OUTPUTS, LABELS)
    assert MACRO_F1.value(rows, None) == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert MACRO_F1.value(MACRO_F1.best(rows), None) == 1
    # Without the last example, class 2 has no right answer; without classes 1 and 2, one is left.
    assert MACRO_F1.value(rows, np.array([1.0, 1, 1, 0])) == pytest.approx((1 + 2 / 3) / 3)
    assert MACRO_F1.value(rows, np.array([1.0, 0, 0, 0])) == 1


def test_macro_f1_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, 200)
    answers = np.where(random.random(200) < 0.7, labels, random.integers(0, 5, 200))
    expected = f1_score(labels, answers, average="macro")
    assert classification.macro_f1({"label": labels, "answer": answers}, None) == pytest.approx(
        expected
    )


def test_columns_tell_the_answer_that_an_app_shows() -> None:
    columns = TASK.columns(OUTPUTS, LABELS, ["cat", "dog", "owl"])
    assert columns.label == ["cat", "dog", "owl", "owl"]
    assert columns.answer == ["cat", "dog", "dog", "owl"]
    assert columns.confidence == ["0.700000", "0.800000", "0.500000", "0.900000"]


def test_an_answer_turns_where_the_two_highest_meet() -> None:
    np.testing.assert_allclose(
        TASK.margins(OUTPUTS)["probabilities"], [0.5, 0.7, 0.2, 0.8], rtol=1e-6
    )
    assert TASK.turns(OUTPUTS).tolist() == [0, 1, 1, 2]


def test_training_reports_accuracy_and_cross_entropy() -> None:
    metrics = TASK.training_metrics(OUTPUTS, LABELS)
    of_labels = np.log([0.7, 0.8, 0.3, 0.9])
    assert metrics == pytest.approx(
        {"validation_accuracy": 0.75, "validation_cross_entropy": -of_labels.mean()}
    )


def test_goals_are_class_numbers_or_rows_of_a_mixture() -> None:
    plain = TASK.fitting((3,), is_mixed=False)
    assert plain.loss == "sparse_categorical_crossentropy"
    assert plain.goals(LABELS) is LABELS
    mixed = TASK.fitting((3,), is_mixed=True)
    assert mixed.loss == "categorical_crossentropy"
    np.testing.assert_array_equal(mixed.goals(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])


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


FLOATS = {"name": "probabilities", "scale": None, "zero_point": None}
INTEGERS = {"name": "probabilities", "scale": 0.5, "zero_point": -3}
TOP = {"step": "top_k", "k": 1, "threshold": 0.25, "labels": "models/x.labels.txt"}


def test_a_float_output_is_read_as_it_is_and_an_integer_one_dequantized() -> None:
    package = Package(top_k=1, threshold=0.25, protect=Protect.none)
    assert TASK.after([FLOATS], package, "models/x.labels.txt") == [TOP]
    assert TASK.after([INTEGERS], package, "models/x.labels.txt") == [
        {"step": "dequantize", "scale": 0.5, "zero_point": -3},
        TOP,
    ]


def test_the_answers_to_a_stream_are_smoothed() -> None:
    smooth = Smooth(over=3, hold=2)
    package = Package(top_k=1, threshold=0.25, protect=Protect.none, smooth=smooth)
    assert TASK.after([FLOATS], package, "models/x.labels.txt") == [
        {"step": "smooth", "over": 3, "hold": 2},
        TOP,
    ]
