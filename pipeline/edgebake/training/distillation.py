"""What a teacher answers in, a loss that also asks for the teacher's answers out.

Source: Hinton et al., https://arxiv.org/abs/1503.02531, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 1e-7  # a probability below counts as this


@dataclass(frozen=True)
class TeacherPredictions:
    """A teacher's probabilities float32 [n, classes] on the images of both splits, and how to learn from them."""

    answers: NDArray[np.float32]
    validation_answers: NDArray[np.float32]
    temperature: float
    alpha: float  # share of the loss that is the labels'; the rest is the teacher's


def combined_labels(labels: NDArray[np.int64], answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the labels, one-hot, beside the teacher's probabilities: [n, 2 * classes]."""
    return np.concatenate([one_hot(labels, answers.shape[1]), answers], axis=1)


def one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return labels as [n, classes], 1 for each one's own class."""
    return np.eye(classes, dtype=np.float32)[labels]


def loss(lesson: TeacherPredictions) -> Callable[[Any, Any], Any]:
    """Return a loss of (goals, the model's probabilities), one number for each example.

    alpha * cross entropy with the labels + (1 - alpha) * T^2 * KL(teacher's at temperature T || the model's at T).
    A model answers probabilities: their logarithm is its logits less a constant, which softmax takes no notice of.
    """
    import keras

    def of(wanted: Any, answered: Any) -> Any:
        labels, taught = keras.ops.split(wanted, 2, axis=-1)
        right = keras.losses.categorical_crossentropy(labels, answered)
        close = keras.losses.kl_divergence(_softened(taught, lesson), _softened(answered, lesson))
        return lesson.alpha * right + (1 - lesson.alpha) * lesson.temperature**2 * close

    return of


def accuracy(wanted: Any, answered: Any) -> Any:
    """Return for each example whether the best answer is that of its label."""
    import keras

    labels, _ = keras.ops.split(wanted, 2, axis=-1)
    return keras.metrics.categorical_accuracy(labels, answered)


def _softened(probabilities: Any, lesson: TeacherPredictions) -> Any:
    import keras

    return keras.ops.softmax(
        keras.ops.log(keras.ops.maximum(probabilities, SMALLEST)) / lesson.temperature, axis=-1
    )
