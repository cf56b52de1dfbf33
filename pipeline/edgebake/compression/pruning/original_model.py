"""What a pruner is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgebake.models import keras_graph, keras_session
from edgebake.recipe import Train
from edgebake.training.loop import History, TrainingOptions, TrainingSplits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgebake.tasks.contract import Contract
    from edgebake.training.distillation import TeacherPredictions


@dataclass(frozen=True)
class OriginalModel:
    """A trained model, how it was trained, the images to train it on with, and a teacher's answers if there is one."""

    archive: bytes
    train: Train
    splits: TrainingSplits
    lesson: TeacherPredictions | None = None
    contract: Contract | None = None  # of the images, where they are augmented

    def aids(self, callbacks: Sequence[Any] = ()) -> TrainingOptions:
        """Return what fine-tuning has beside images and words."""
        return TrainingOptions(callbacks, self.lesson, self.contract)

    def load(self) -> Any:
        """Return a live copy, a functional model of one input, an image, and one output."""
        return keras_graph.functional(keras_session.load(self.archive))


@dataclass(frozen=True)
class PrunedModel:
    """A plain Keras model that converts everywhere; accuracies are those on the validation split."""

    model: Any
    accuracy_cut: float  # before fine-tuning
    accuracy: float  # after it
    history: History  # of fine-tuning
    report: dict[str, Any] = field(
        default_factory=dict
    )  # what only this method has to say, for pruned.json
