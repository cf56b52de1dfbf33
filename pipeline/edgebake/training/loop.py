"""Training loop of the stages train, prune and quantize.

The caller starts Keras with a seed. The same input then gives the same weights, also when a
training is interrupted and resumed from its checkpoint, the only file that is read or written.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.recipe import ClassWeights, Monitor, Train
from edgebake.tasks import task
from edgebake.tasks.task import Task
from edgebake.terminal import progress
from edgebake.training import batches, distillation, learning_rate, mixed_precision
from edgebake.training.augmentation import Augmentation
from edgebake.training.batches import TrainingSet
from edgebake.training.checkpoint import Checkpoint, TrainingState
from edgebake.training.mixed_precision import float16_compute
from edgebake.training.trainable_layers import only_trainable

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.data.preprocessed import PreparedInput
    from edgebake.runtimes.session import Examples, Sliceable
    from edgebake.tasks.contract import Contract
    from edgebake.training.distillation import TeacherPredictions

COLUMNS: tuple[str, ...] = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss")  # of no epochs
PREDICTION_BATCH = 64  # examples; changes the speed alone
History = list[dict[str, float]]  # one row per epoch: loss and metric of Keras on both splits


@dataclass(frozen=True)
class TrainingSplits:
    """Train and validation split: inputs [n, ...] as the model expects them, labels [n]."""

    inputs: NDArray[Any] | PreparedInput
    labels: NDArray[np.int64]
    validation_inputs: NDArray[Any] | PreparedInput
    validation_labels: NDArray[np.int64]
    task: Task = field(default_factory=task.default_task)


@dataclass(frozen=True)
class TrainingOptions:
    """Optional inputs of a training that are no fields of a recipe."""

    callbacks: Sequence[keras.callbacks.Callback] = ()
    teacher: TeacherPredictions | None = None  # for distillation
    contract: Contract | None = None  # pixel scaling, needed to augment images
    checkpoint: Checkpoint | None = None


def fit(
    model: keras.Model, splits: TrainingSplits, train: Train, options: TrainingOptions | None = None
) -> History:
    """Train a model in place with Adam; return one row per epoch.

    The loss is the cross entropy with the labels or, with a teacher, the distillation loss.
    """
    options = options or TrainingOptions()
    uses_float16 = train.mixed_precision and mixed_precision.has_gpu()
    with ExitStack() as stack:
        stack.enter_context(only_trainable(model, train.layers))
        stack.enter_context(float16_compute(model, uses_float16))
        training = _Training(model, splits, train, options)
        return training.run()


def steps_per_epoch(splits: TrainingSplits, train: Train) -> int:
    """Return the number of batches in an epoch; the last batch may be smaller."""
    return math.ceil(len(splits.labels) / train.batch_size)


def predictions(model: keras.Model, inputs: Sliceable | Examples) -> NDArray[np.float32]:
    """Return the predictions [n, classes] of a model for its only input, batch by batch."""
    batch_predictions = []
    for start in range(0, len(inputs), PREDICTION_BATCH):
        batch = inputs[start : start + PREDICTION_BATCH]
        if isinstance(batch, Mapping):
            (batch,) = batch.values()
        predicted = model.predict_on_batch(batch)
        batch_predictions.append(np.asarray(predicted))
        progress.report(start + len(batch), len(inputs), "examples")
    return np.concatenate(batch_predictions)


def score(model: keras.Model, splits: TrainingSplits) -> float:
    """Return the score of the task on the validation split."""
    (name,) = model.output_names
    outputs = {name: predictions(model, splits.validation_inputs)}
    return task.score(splits.task, outputs, splits.validation_labels)


def history_csv(history: History) -> str:
    """Return the CSV of a training, one line per epoch; only the header if it has no epochs."""
    text = io.StringIO()
    columns = COLUMNS
    if history:
        columns = ("epoch", *sorted(history[0].keys() - {"epoch"}))
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


class _Training:
    """One training, which Keras runs an epoch at a time."""

    def __init__(
        self, model: keras.Model, splits: TrainingSplits, train: Train, options: TrainingOptions
    ) -> None:
        import keras

        self._model = model
        self._train = train
        self._options = options
        self._augmentation = _augmentation(train, options)
        fitting = splits.task.fitting(model.output_shape[1:], is_mixed=_uses_mixup(train))
        labels = fitting.goals(splits.labels)
        validation_labels = fitting.goals(splits.validation_labels)
        loss, metric = fitting.loss, fitting.metric
        if options.teacher is not None:
            labels, validation_labels = _labels_beside(options.teacher, splits)
            loss, metric = distillation.loss(options.teacher), distillation.accuracy
        weights = None
        if train.class_weights is ClassWeights.balanced:
            weights = batches.class_weights(splits.labels)
        self._training_set = TrainingSet(splits.inputs, labels, weights)
        self._validation_set = TrainingSet(splits.validation_inputs, validation_labels)
        schedule = learning_rate.schedule(train, steps_per_epoch(splits, train))
        optimizer = keras.optimizers.Adam(schedule)
        model.compile(optimizer, loss, metrics=[], weighted_metrics=[metric])
        model.optimizer.build(model.trainable_variables)
        _build_metrics(model, labels)

    def run(self) -> History:
        """Train until the last epoch or an early stop, from the checkpoint if there is one."""
        checkpoint = self._options.checkpoint
        state = TrainingState()
        if checkpoint:
            state = checkpoint.read(self._variables())
        first_epoch = len(state.history)
        for epoch in range(first_epoch, self._train.epochs):
            if self._stops_early(state):
                break
            row = self._run_epoch(epoch)
            state.history.append(row)
            metric = _metric(row)
            value = row[f"val_{metric}"]
            progress.report(epoch + 1, self._train.epochs, "epochs", f"{metric} {value:.4f}")
            self._update_best(state)
            if checkpoint:
                checkpoint.write(state, self._variables())
        if state.best_weights:
            self._model.set_weights(state.best_weights)
        return state.history

    def _run_epoch(self, epoch: int) -> dict[str, float]:
        count = len(self._training_set.labels)
        validation_count = len(self._validation_set.labels)
        training_batches = batches.dataset(
            self._training_set,
            order=batches.shuffled(count, self._train.seed, epoch),
            batch_size=self._train.batch_size,
            augment=self._augmentation,
        )
        validation_batches = batches.dataset(
            self._validation_set, order=np.arange(validation_count), batch_size=PREDICTION_BATCH
        )
        result = self._model.fit(
            training_batches,
            validation_data=validation_batches,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=0,
            callbacks=list(self._options.callbacks),
        )
        row: dict[str, float] = {"epoch": epoch + 1}
        for name, values in result.history.items():
            row[name] = values[0]
        return row

    def _update_best(self, state: TrainingState) -> None:
        """Store the weights of the best epoch so far, if the training may stop early."""
        early_stopping = self._train.early_stopping
        if early_stopping is None:
            return
        row = state.history[-1]
        if early_stopping.monitor is Monitor.loss:
            score = -row["val_loss"]
        else:
            score = row[f"val_{_metric(row)}"]
        state.epochs_since_best += 1
        if state.best_score is None or score > state.best_score:
            state.best_score = score
            state.best_weights = self._model.get_weights()
            state.epochs_since_best = 0

    def _stops_early(self, state: TrainingState) -> bool:
        early_stopping = self._train.early_stopping
        if early_stopping is None:
            return False
        return state.epochs_since_best >= early_stopping.patience

    def _variables(self) -> list[keras.Variable]:
        """Return everything that a checkpoint restores: weights, optimizer and random state."""
        variables = [*self._model.variables, *self._model.optimizer.variables]
        if self._augmentation:
            variables += self._augmentation.state()
        return variables


def _metric(row: Mapping[str, float]) -> str:
    """Return the name of the metric, the only column of the validation split but the loss."""
    (metric,) = (name for name in row if name.startswith("val_") and name != "val_loss")
    return metric.removeprefix("val_")


def _augmentation(train: Train, options: TrainingOptions) -> Augmentation | None:
    if train.augment is None or options.contract is None:
        return None
    return Augmentation(train.augment, options.contract, train.seed)


def _uses_mixup(train: Train) -> bool:
    return train.augment is not None and train.augment.mixup is not None


def _labels_beside(
    teacher: TeacherPredictions, splits: TrainingSplits
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the labels of both splits beside the teacher's predictions."""
    return (
        distillation.combined_labels(splits.labels, teacher.train),
        distillation.combined_labels(splits.validation_labels, teacher.validation),
    )


def _build_metrics(model: keras.Model, labels: NDArray[np.generic]) -> None:
    """Create the variables of the metrics, for labels of this form.

    Keras would create them while the first step is traced, and TensorFlow then traces it again.
    """
    predictions = np.zeros((1, *model.output_shape[1:]), np.float32)
    model.compute_metrics(None, labels[:1], predictions)
    model.reset_metrics()
