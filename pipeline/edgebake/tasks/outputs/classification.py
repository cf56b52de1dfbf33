"""Metrics of a classifier: accuracy, agreement and calibration error."""

import numpy as np
from numpy.typing import NDArray

from edgebake.tasks.metric import Metric, Rows, Weights
from edgebake.tasks.tensors import Outputs

BINS = 15


def accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the share of examples whose most probable class is their label, 0 to 1.

    Args:
        probabilities: [n, classes]; of equal ones, the first counts.
        labels: indices of classes, [n].
    """
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    return float(np.mean(correct))


def expected_calibration_error(
    confidences: NDArray[np.float64], correct: NDArray[np.bool_]
) -> float:
    """Return the mean distance between confidence and accuracy, 0 to 1.

    The expected calibration error with 15 bins of equal width (Guo, Pleiss, Sun & Weinberger 2017,
    equation 3).

    Args:
        confidences: probability of the predicted class, [n].
        correct: whether the predicted class is the label, [n].
    """
    last_bin = BINS - 1
    scaled = confidences * BINS
    bins = scaled.astype(int)
    bins = np.minimum(bins, last_bin)  # a confidence of 1 belongs to the last bin
    summed_confidence = np.bincount(bins, confidences, BINS)
    correct_count = np.bincount(bins, correct, BINS)
    gaps = np.abs(summed_confidence - correct_count)
    mean_gap = gaps.sum() / len(correct)
    return float(mean_gap)


def agreement(probabilities: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the share of examples with the same most probable class in both, 0 to 1.

    Both are [n, classes].
    """
    predicted = probabilities.argmax(axis=1)
    expected = reference.argmax(axis=1)
    agrees = predicted == expected
    return float(np.mean(agrees))


def predicted_classes(outputs: Outputs) -> NDArray[np.int64]:
    """Return the number of the most probable class of each example, [n]; of equal ones, the first.

    The first is what an app shows that sorts the classes by probability and keeps their order.
    """
    (probabilities,) = outputs.values()
    classes: NDArray[np.int64] = probabilities.argmax(axis=1)
    return classes


def _right_rows(outputs: Outputs, truths: NDArray[np.int64]) -> Rows:
    return {"right": predicted_classes(outputs) == truths}


def _all_right(rows: Rows) -> Rows:
    return {"right": np.ones_like(rows["right"])}


def _share_right(rows: Rows, weights: Weights) -> float:
    return float(np.average(rows["right"], weights=weights))


def _class_rows(outputs: Outputs, truths: NDArray[np.int64]) -> Rows:
    return {"label": truths, "answer": predicted_classes(outputs)}


def _true_classes(rows: Rows) -> Rows:
    return {"label": rows["label"], "answer": rows["label"]}


def macro_f1(rows: Rows, weights: Weights) -> float:
    """Return the mean F1 of the classes that have an example, 0 to 1."""
    labels = rows["label"]
    answers = rows["answer"]
    classes = max(labels.max(), answers.max()) + 1
    right = labels == answers
    counts = np.ones(len(labels)) if weights is None else weights
    of_class = np.bincount(labels, counts, classes)
    answered = np.bincount(answers, counts, classes)
    both = np.bincount(labels, counts * right, classes)
    tested = of_class > 0
    scores = 2 * both[tested] / (of_class + answered)[tested]
    return float(scores.mean())


def _worth_of_rarest(rows: Rows) -> float:
    """Return what macro F1 loses per share of examples, if all are of the rarest class."""
    counts = np.bincount(rows["label"])
    tested = counts[counts > 0]
    return float(len(rows["label"]) / len(tested) / tested.min())


ACCURACY = Metric(
    word="accuracy",
    meaning="share of examples whose predicted class is the label",
    rows=_right_rows,
    value=_share_right,
    best=_all_right,
    worth=lambda _: 1.0,
    exact="share",
)
MACRO_F1 = Metric(
    word="macro_f1",
    meaning="mean over the classes of F1, the harmonic mean of precision and recall",
    rows=_class_rows,
    value=macro_f1,
    best=_true_classes,
    worth=_worth_of_rarest,
)
