"""The models of a benchmark: pruned by recipes, and baselines trained with the same budget."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

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

PARENT, SCRATCH, TRAINED_ON = "unpruned", "from scratch", "unpruned, trained on"


@dataclass(frozen=True)
class Way:
    """A pruning method: an option of recipes/prune/, and overrides of the recipe."""

    name: str
    option: str
    words: tuple[str, ...]

    def recipe(self, architecture: str, seed: int) -> Recipe:
        """Return the recipe in which what follows the cut has a seed."""
        fixed = (
            "quantize=none",
            f"model={architecture}",
            f"prune={self.option}",
            f"prune.fine_tune.seed={seed}",
        )
        return compose.compose_targets([TARGET], [*fixed, *self.words])[0].recipe


@dataclass(frozen=True)
class Made:
    """The models of one row, one for each seed, and the mean seconds in which one was made."""

    name: str
    models: list[Subject]
    seconds: float = 0.0


def made(one: Subject, ways: list[Way], seeds: list[int]) -> Iterator[Made]:
    """Yield the models of each method; those of the first are followed by its baselines."""
    first = _made(one, ways[0].name, seeds, lambda seed: _pruned(one, ways[0], seed))
    smaller = dict(zip(seeds, first.models, strict=True))
    yield first
    yield _made(
        one, SCRATCH, seeds, lambda seed: _from_scratch(one, ways[0], seed, smaller[seed].model)
    )
    yield _made(one, TRAINED_ON, seeds, lambda seed: _trained_on(one, ways[0], seed))
    for way in ways[1:]:
        yield _made(one, way.name, seeds, lambda seed, way=way: _pruned(one, way, seed))  # type: ignore[misc]


def _made(one: Subject, name: str, seeds: list[int], make: Callable[[int], Any]) -> Made:
    start, models = time.perf_counter(), []
    for seed in seeds:
        models.append(_judged(one, make(seed)))
    seconds = (time.perf_counter() - start) / len(seeds)
    sys.stderr.write(f"{one.name}: {name}: {seconds:.0f} s a model\n")
    return Made(name, models, seconds)


def _judged(one: Subject, model: Any) -> Subject:
    """Return the same images with another model and its answers."""
    archive = keras_session.save(model)
    loaded = keras_session.load(archive)
    return replace(
        one,
        archive=archive,
        model=loaded,
        answers=np.asarray(loaded.predict(one.images, verbose=0)),
    )


def _pruned(one: Subject, way: Way, seed: int) -> Any:
    import keras

    words = way.recipe(one.name, seed)
    keras.utils.set_random_seed(seed)  # as the prune stage starts
    return (
        plugins.load("prune.method", words.prune.method)
        .prune(_parent(one, words), words.prune)
        .model
    )


def _from_scratch(one: Subject, way: Way, seed: int, smaller: Any) -> Any:
    words = way.recipe(one.name, seed)
    return baselines.from_scratch(smaller, _parent(one, words), words.prune)


def _trained_on(one: Subject, way: Way, seed: int) -> Any:
    words = way.recipe(one.name, seed)
    return baselines.fine_tuned_original(_parent(one, words), words.prune)


def _parent(one: Subject, words: Recipe) -> OriginalModel:
    """Return what the prune stage gives to a pruner."""
    examples = plugins.load("data.source", words.data.source).load(words.data)
    train, validation = (
        take_split(examples, words.data, "train"),
        take_split(examples, words.data, "validation"),
    )
    prepare = one.agreed.preprocess
    splits = TrainingSplits(
        prepare(train.images), train.labels, prepare(validation.images), validation.labels
    )
    return OriginalModel(
        one.archive, words.train, splits, _lesson(one.model, splits, fine_tune.options(words.prune))
    )


def _lesson(model: Any, splits: TrainingSplits, words: FineTune) -> TeacherPredictions | None:
    """Return what the unpruned model answers, if fine-tuning asks a teacher."""
    if words.distill is None:
        return None
    if words.distill.teacher is not None:
        raise ValueError(
            f"the teacher {words.distill.teacher}; here the unpruned model alone teaches"
        )
    answers = [
        np.asarray(model.predict(x, verbose=0)) for x in (splits.images, splits.validation_images)
    ]
    return TeacherPredictions(
        answers[0], answers[1], words.distill.temperature, words.distill.alpha
    )
