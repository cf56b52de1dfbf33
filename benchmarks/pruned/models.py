"""The models of a benchmark: pruned by recipes, and baselines trained with the same budget."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.subject import TARGET, Subject
from edgebake import plugins
from edgebake.compression.pruning import baselines, fine_tune
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.data.dataset import take_split
from edgebake.models import keras_session
from edgebake.plan import compose
from edgebake.recipe import FineTune, Recipe
from edgebake.training.distillation import TeacherPredictions
from edgebake.training.loop import TrainingSplits

if TYPE_CHECKING:
    import keras

ORIGINAL = "unpruned"
SCRATCH = "from scratch"
TRAINED_ON = "unpruned, trained on"


@dataclass(frozen=True)
class PruningMethod:
    """A row of the tables: an option of recipes/prune/, and Hydra overrides of the recipe."""

    name: str
    option: str
    overrides: tuple[str, ...]

    def recipe(self, architecture: str, seed: int) -> Recipe:
        """Compose the recipe of an architecture with a seed of fine-tuning."""
        fixed = (
            "quantize=none",
            f"model={architecture}",
            f"prune={self.option}",
            f"prune.fine_tune.seed={seed}",
        )
        return compose.compose_targets([TARGET], [*fixed, *self.overrides])[0].recipe


@dataclass(frozen=True)
class ModelGroup:
    """The models of one row, one per seed, and the mean seconds to make one of them."""

    name: str
    models: list[Subject]
    seconds: float = 0.0


def make_models(
    original: Subject, methods: list[PruningMethod], seeds: list[int]
) -> Iterator[ModelGroup]:
    """Yield the models of each method; those of the first are followed by its baselines."""
    first = methods[0]
    pruned = _make_group(original, first.name, seeds, partial(_prune, original, first))
    smaller_models = {
        seed: subject.model for seed, subject in zip(seeds, pruned.models, strict=True)
    }

    def train_from_scratch(seed: int) -> keras.Model:
        recipe = first.recipe(original.name, seed)
        parent = _original_model(original, recipe)
        options = fine_tune.options(recipe.prune)
        return baselines.from_scratch(smaller_models[seed], parent, options).model

    def train_further(seed: int) -> keras.Model:
        recipe = first.recipe(original.name, seed)
        parent = _original_model(original, recipe)
        options = fine_tune.options(recipe.prune)
        steps = recipe.prune.steps or 1
        return baselines.fine_tuned_original(parent, options, steps).model

    yield pruned
    yield _make_group(original, SCRATCH, seeds, train_from_scratch)
    yield _make_group(original, TRAINED_ON, seeds, train_further)
    for method in methods[1:]:
        yield _make_group(original, method.name, seeds, partial(_prune, original, method))


def _make_group(
    original: Subject, name: str, seeds: list[int], make: Callable[[int], keras.Model]
) -> ModelGroup:
    start = time.perf_counter()
    models = [_with_model(original, make(seed)) for seed in seeds]
    seconds = (time.perf_counter() - start) / len(seeds)
    sys.stderr.write(f"{original.name}: {name}: {seconds:.0f} s a model\n")
    return ModelGroup(name, models, seconds)


def _with_model(subject: Subject, model: keras.Model) -> Subject:
    """Return the same dataset with another model and its predictions."""
    archive = keras_session.save(model)
    loaded = keras_session.load(archive)
    predictions = np.asarray(loaded.predict(subject.images, verbose=0))
    return replace(subject, archive=archive, model=loaded, predictions=predictions)


def _prune(original: Subject, method: PruningMethod, seed: int) -> keras.Model:
    import keras

    recipe = method.recipe(original.name, seed)
    keras.utils.set_random_seed(seed)  # as the prune stage does at its start
    pruner = plugins.load("prune.method", recipe.prune.method)
    return pruner.prune(_original_model(original, recipe), recipe.prune).model


def _original_model(subject: Subject, recipe: Recipe) -> OriginalModel:
    """Return the input of a pruner, as in the prune stage."""
    examples = plugins.load("data.source", recipe.data.source).load(recipe.data)
    train = take_split(examples, recipe.data, "train")
    validation = take_split(examples, recipe.data, "validation")
    splits = TrainingSplits(
        subject.contract.image.preprocess(train.inputs),
        train.labels,
        subject.contract.image.preprocess(validation.inputs),
        validation.labels,
    )
    teacher = _teacher_predictions(subject.model, splits, fine_tune.options(recipe.prune))
    return OriginalModel(subject.archive, recipe.train, splits, teacher)


def _teacher_predictions(
    model: keras.Model, splits: TrainingSplits, options: FineTune
) -> TeacherPredictions | None:
    """Return the predictions of the unpruned model if fine-tuning distills from it."""
    distill = options.distill
    if distill is None:
        return None
    if distill.teacher is not None:
        raise ValueError(f"the teacher {distill.teacher}; expected the unpruned model as teacher")
    return TeacherPredictions(
        np.asarray(model.predict(splits.inputs, verbose=0)),
        np.asarray(model.predict(splits.validation_inputs, verbose=0)),
        distill.temperature,
        distill.alpha,
    )
