"""Compare the predictions of a file with those of its source model on the same examples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AnswerComparison:
    """How far the predictions of a file are from those of its source model."""

    n: int  # examples
    same: int  # with the same predicted class
    largest_difference: float  # of one probability
    same_by_chance: float  # expected of a file that predicts each class as often, at random


def compare(file: NDArray[np.float32], source: NDArray[np.float32]) -> AnswerComparison:
    """Compare finite predictions [n, classes] of a file with those of its source model."""
    n, classes = source.shape
    predicted = file.argmax(axis=1)
    expected = source.argmax(axis=1)
    predicted_counts = np.bincount(predicted, minlength=classes)
    expected_counts = np.bincount(expected, minlength=classes)
    pairs = float(predicted_counts @ expected_counts)
    same = predicted == expected
    differences = np.abs(file - source)
    return AnswerComparison(
        n=n,
        same=int(same.sum()),
        largest_difference=float(differences.max()),
        same_by_chance=pairs / n,
    )
