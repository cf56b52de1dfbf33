"""Input and result of a pruning method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from edgebake.models import keras_graph, keras_session
from edgebake.recipe import Train
from edgebake.training.loop import History, TrainingOptions, TrainingSplits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from edgebake.tasks.contract import Contract
    from edgebake.training.distillation import TeacherPredictions

Report: TypeAlias = dict[str, Any]  # JSON


@dataclass(frozen=True)
class OriginalModel:
    """A trained model, how it was trained, and the data to fine-tune it with."""

    archive: bytes
    train: Train
    splits: TrainingSplits
    teacher: TeacherPredictions | None = None
    contract: Contract | None = None  # pixel scaling, needed to augment images

    def training_options(
        self, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> TrainingOptions:
        """Return the options of fine-tuning that are no fields of a recipe."""
        return TrainingOptions(callbacks=callbacks, teacher=self.teacher, contract=self.contract)

    def load(self) -> keras.Model:
        """Load a copy as a functional model with one input and one output."""
        model = keras_session.load(self.archive)
        return keras_graph.functional(model)


@dataclass(frozen=True)
class PrunedModel:
    """A plain Keras model that every runtime converts; accuracies are of the validation split."""

    model: keras.Model
    accuracy_before_fine_tuning: float
    accuracy: float
    history: History  # of fine-tuning
    # Entries of pruned.json that are specific to the method.
    report: Report = field(default_factory=dict)
