"""Knowledge distillation: a loss on the labels and on the predictions of a teacher.

Source: Hinton et al., https://arxiv.org/abs/1503.02531, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import NDArray

SMALLEST_PROBABILITY = 1e-7  # lower ones are raised to it, as their logarithm is not finite


@dataclass(frozen=True)
class TeacherPredictions:
    """A teacher's probabilities on both splits, float32 [n, classes], and how they are used."""

    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    temperature: float
    alpha: float  # share of the loss on the labels; the rest is the loss on the teacher's


def combined_labels(
    labels: NDArray[np.int64], teacher_probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return labels [n] as one-hot rows next to the teacher's probabilities [n, classes].

    The result is [n, 2 * classes]: Keras passes one array of labels to a loss.
    """
    classes = teacher_probabilities.shape[1]
    combined = [one_hot(labels, classes), teacher_probabilities]
    return np.concatenate(combined, axis=1)


def one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return labels [n] as one-hot rows [n, classes]."""
    identity = np.eye(classes, dtype=np.float32)
    return identity[labels]


def loss(teacher: TeacherPredictions) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return the distillation loss, a function of (combined labels, probabilities) -> [n].

    alpha * cross entropy + (1 - alpha) * T^2 * KL(teacher at temperature T || student at T).
    The model returns probabilities. Their logarithms differ from its logits by a constant per
    example, which softmax ignores.
    """
    import keras

    temperature = teacher.temperature
    label_weight = teacher.alpha
    teacher_weight = (1 - label_weight) * temperature**2

    def distillation_loss(combined: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        labels, teacher_probabilities = _split_labels(combined)
        label_loss = keras.losses.categorical_crossentropy(labels, probabilities)
        teacher_loss = keras.losses.kl_divergence(
            _soften(teacher_probabilities, temperature), _soften(probabilities, temperature)
        )
        return label_weight * label_loss + teacher_weight * teacher_loss

    return distillation_loss


def accuracy(combined: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Return 1 for each example that is classified as its label says, else 0: [n]."""
    import keras

    labels, _ = _split_labels(combined)
    return keras.metrics.categorical_accuracy(labels, probabilities)


def _split_labels(combined: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Split combined labels into one-hot labels and the teacher's probabilities."""
    import keras

    labels, teacher_probabilities = keras.ops.split(combined, 2, axis=-1)
    return labels, teacher_probabilities


def _soften(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    import keras

    positive = keras.ops.maximum(probabilities, SMALLEST_PROBABILITY)
    logits = keras.ops.log(positive)
    return keras.ops.softmax(logits / temperature)
