"""Score a classifier's answers.

Reads and writes nothing.
"""

import numpy as np
from numpy.typing import NDArray

BINS = 15


def accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the share of examples whose highest probability [n, classes] is at their label [n], 0 to 1."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def expected_calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return how far the confidence [n] in an answer is from its being right [n], on average over examples, 0 to 1.

    The expected calibration error with 15 bins of equal width (Guo, Pleiss, Sun & Weinberger 2017, equation 3).
    """
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidences, BINS) - np.bincount(bins, right, BINS)
    return float(np.abs(gaps).sum() / len(right))


def agreement(probabilities: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Return the share of examples for which both [n, classes] have their highest probability at one label, 0 to 1."""
    return float(np.mean(probabilities.argmax(axis=1) == others.argmax(axis=1)))
