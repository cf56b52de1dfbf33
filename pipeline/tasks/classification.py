"""Score a classifier's answers.

Reads and writes nothing.
"""

import numpy as np
from numpy.typing import NDArray


def accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the share of examples whose highest probability [n, classes] is at their label [n], 0 to 1."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def confusion(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each class [row] was taken for each class [column], [classes, classes]."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
