"""Score a classifier's answers.

Reads and writes nothing.
"""

import numpy as np
from numpy.typing import NDArray


def accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the share of examples whose highest probability [n, classes] is at their label [n], 0 to 1."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def agreement(probabilities: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Return the share of examples for which both [n, classes] have their highest probability at one label, 0 to 1."""
    return float(np.mean(probabilities.argmax(axis=1) == others.argmax(axis=1)))
