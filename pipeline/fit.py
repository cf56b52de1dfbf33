"""A Keras model and labelled images in, the model trained on them out: the one loop of train, prune and quantize.

Reads and writes nothing. The caller has started Keras with a seed: the same input gives the same weights.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipeline import distillation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.distillation import Lesson

HEADS = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss")
Rows = list[dict[str, float]]  # one per epoch, of these words


@dataclass(frozen=True)
class Splits:
    """Images float32 [n, h, w, c] as the model sees them, and labels int64 [n]: to train with, and to look at."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    validation_images: NDArray[np.float32]
    validation_labels: NDArray[np.int64]


class Words(Protocol):
    """How long, in which steps and how fast."""

    @property
    def epochs(self) -> int:
        """Return how many times all images are seen."""

    @property
    def batch_size(self) -> int:
        """Return how many images make a step."""

    @property
    def learning_rate(self) -> float:
        """Return the rate at the start; it falls to zero along a cosine."""


def fit(model: Any, splits: Splits, words: Words, callbacks: Sequence[Any] = (), lesson: Lesson | None = None) -> Rows:
    """Train a model by Adam, on labels or, with a lesson, on labels and a teacher's answers; return the epochs."""
    import keras  # noqa: PLC0415

    rate = keras.optimizers.schedules.CosineDecay(words.learning_rate, words.epochs * steps_of(splits, words))
    labels, validation_labels, loss, accuracy = _goal(splits, lesson)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=[accuracy])
    fitted = model.fit(
        splits.images,
        labels,
        validation_data=(splits.validation_images, validation_labels),
        epochs=words.epochs,
        batch_size=words.batch_size,
        verbose=0,
        callbacks=list(callbacks),
    )
    rows = zip(*fitted.history.values(), strict=True)
    return [{"epoch": epoch, **dict(zip(fitted.history, row, strict=True))} for epoch, row in enumerate(rows, start=1)]


def steps_of(splits: Splits, words: Words) -> int:
    """Return how many steps make an epoch."""
    return -(-len(splits.labels) // words.batch_size)


def accuracy(model: Any, splits: Splits) -> float:
    """Return the share of the validation images whose best answer is right."""
    answers = model.predict(splits.validation_images, verbose=0)
    return float((answers.argmax(axis=1) == splits.validation_labels).mean())


def as_csv(rows: Rows) -> str:
    """Return a line per epoch below the heads; the heads alone where nothing was trained."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=HEADS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _goal(splits: Splits, lesson: Lesson | None) -> tuple[Any, Any, Any, Any]:
    """Return what is to be answered on both splits, the loss and the measure of accuracy."""
    if lesson is None:
        return splits.labels, splits.validation_labels, "sparse_categorical_crossentropy", "accuracy"
    goals = (
        distillation.goals(splits.labels, lesson.answers),
        distillation.goals(splits.validation_labels, lesson.validation_answers),
    )
    return *goals, distillation.loss(lesson), distillation.accuracy
