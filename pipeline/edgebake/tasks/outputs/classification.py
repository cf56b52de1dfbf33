"""Metrics of a classifier: accuracy, agreement and calibration error."""

import numpy as np
from numpy.typing import NDArray

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
