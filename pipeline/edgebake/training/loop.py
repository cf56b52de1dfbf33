"""A Keras model and labelled images in, the model trained on them out: the one loop of train, prune and quantize.

The caller has started Keras with a seed: the same input gives the same weights, also after a kill and a new start from
a checkpoint, the only thing that is read or written here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.recipe import ClassWeights, Monitor, Train
from edgebake.training import batches, distillation, learning_rate, mixed_precision
from edgebake.training.augmentation import Augmentation
from edgebake.training.batches import TrainingSet
from edgebake.training.checkpoint import Checkpoint, TrainingState
from edgebake.training.trainable_layers import only_trainable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.data.preprocessed import Prepared
    from edgebake.tasks.contract import Contract
    from edgebake.training.distillation import TeacherPredictions

HEADS = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss")
BATCH = 64  # images that are answered at once, for speed alone
History = list[dict[str, float]]  # one per epoch, of these words


@dataclass(frozen=True)
class TrainingSplits:
    """Images float32 [n, h, w, c] as the model sees them, and labels int64 [n]: to train with, and to look at."""

    images: NDArray[np.float32] | Prepared
    labels: NDArray[np.int64]
    validation_images: NDArray[np.float32] | Prepared
    validation_labels: NDArray[np.int64]


@dataclass(frozen=True)
class TrainingOptions:
    """What a training has beside images and words."""

    callbacks: Sequence[Any] = ()
    lesson: TeacherPredictions | None = None  # a teacher's answers, which count beside the labels
    contract: Contract | None = None  # of the images, where they are augmented
    checkpoint: Checkpoint | None = None


def fit(
    model: Any, splits: TrainingSplits, words: Train, aids: TrainingOptions | None = None
) -> History:
    """Train a model by Adam, on labels or, with a lesson, on labels and a teacher's answers; return the epochs."""
    aids = aids or TrainingOptions()
    with ExitStack() as stack:
        stack.enter_context(only_trainable(model, words.layers))
        stack.enter_context(
            mixed_precision.float16_compute(
                model, words.mixed_precision and mixed_precision.has_gpu()
            )
        )
        return _Training(model, splits, words, aids).run()


def steps_per_epoch(splits: TrainingSplits, words: Train) -> int:
    """Return how many steps make an epoch."""
    return -(-len(splits.labels) // words.batch_size)


def predictions(model: Any, images: NDArray[np.float32] | Prepared) -> NDArray[np.float32]:
    """Return what a model answers to images [n, h, w, c], a few at a time: [n, classes]."""
    starts = range(0, len(images), BATCH)
    return np.concatenate(
        [np.asarray(model.predict_on_batch(images[start : start + BATCH])) for start in starts]
    )


def accuracy(model: Any, splits: TrainingSplits) -> float:
    """Return the share of the validation images whose best answer is right."""
    best = predictions(model, splits.validation_images).argmax(axis=1)
    return float((best == splits.validation_labels).mean())


def history_csv(rows: History) -> str:
    """Return a line per epoch below the heads; the heads alone where nothing was trained."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=HEADS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class _Training:
    """One training, an epoch at a time."""

    def __init__(
        self, model: Any, splits: TrainingSplits, words: Train, aids: TrainingOptions
    ) -> None:
        import keras

        self._model, self._splits, self._words, self._aids = model, splits, words, aids
        self._augment = _augmentation(words, aids)
        self._lot, self._shown, loss, measure = _goal(model, splits, words, aids.lesson)
        optimizer = keras.optimizers.Adam(
            learning_rate.schedule(words, steps_per_epoch(splits, words))
        )
        model.compile(optimizer, loss, metrics=[], weighted_metrics=[measure])
        model.optimizer.build(model.trainable_variables)

    def run(self) -> History:
        """Train from the start, or from where a checkpoint left off; return the epochs."""
        checkpoint = self._aids.checkpoint
        course = checkpoint.read(self._variables()) if checkpoint else TrainingState()
        while len(course.rows) < self._words.epochs and not self._is_over(course):
            course.rows.append(self._epoch(len(course.rows)))
            self._remember(course)
            if checkpoint:
                checkpoint.write(course, self._variables())
        if course.best_weights:
            self._model.set_weights(course.best_weights)
        return course.rows

    def _epoch(self, number: int) -> dict[str, float]:
        words = self._words
        order = batches.shuffled(len(self._splits.labels), words.seed, number)
        fitted = self._model.fit(
            batches.dataset(self._lot, order, words.batch_size, self._augment),
            validation_data=batches.dataset(self._shown, _in_order(self._shown), BATCH),
            initial_epoch=number,
            epochs=number + 1,
            verbose=0,
            callbacks=list(self._aids.callbacks),
        )
        return {"epoch": number + 1, **{word: values[0] for word, values in fitted.history.items()}}

    def _remember(self, course: TrainingState) -> None:
        """Keep the best weights so far, if training is to stop once they get no better."""
        words = self._words.early_stopping
        if words is None:
            return
        found = course.rows[-1][f"val_{words.monitor.value}"]
        better = -found if words.monitor is Monitor.loss else found
        course.waited += 1
        if course.best is None or better > course.best:
            course.best, course.waited, course.best_weights = better, 0, self._model.get_weights()

    def _is_over(self, course: TrainingState) -> bool:
        words = self._words.early_stopping
        return words is not None and course.waited >= words.patience

    def _variables(self) -> list[Any]:
        drawn = self._augment.state() if self._augment else []
        return [*self._model.variables, *self._model.optimizer.variables, *drawn]


def _augmentation(words: Train, aids: TrainingOptions) -> Augmentation | None:
    if words.augment is None or aids.contract is None:
        return None
    return Augmentation(words.augment, aids.contract, words.seed)


def _in_order(lot: TrainingSet) -> NDArray[np.int64]:

    return np.arange(len(lot.goals))


def _goal(
    model: Any, splits: TrainingSplits, words: Train, lesson: TeacherPredictions | None
) -> tuple[TrainingSet, TrainingSet, Any, Any]:
    """Return what is to be answered on both splits, the loss and the measure of accuracy."""
    labels = (splits.labels, splits.validation_labels)
    weights = (
        batches.class_weights(splits.labels)
        if words.class_weights is ClassWeights.balanced
        else None
    )
    loss: Any = "sparse_categorical_crossentropy"
    measure: Any = "accuracy"
    goals: Any = labels
    if lesson is not None:
        taught = (lesson.answers, lesson.validation_answers)
        goals = [distillation.combined_labels(*pair) for pair in zip(labels, taught, strict=True)]
        loss, measure = distillation.loss(lesson), distillation.accuracy
    elif words.augment is not None and words.augment.mixup is not None:  # between two classes
        goals = [distillation.one_hot(one, model.output_shape[-1]) for one in labels]
        loss = "categorical_crossentropy"
    return (
        TrainingSet(splits.images, goals[0], weights),
        TrainingSet(splits.validation_images, goals[1]),
        loss,
        measure,
    )
