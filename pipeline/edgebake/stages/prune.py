"""A Keras model in, one with less in it out.

Reads train's output, and the teacher's; the train and validation splits. Writes model.<format>, contract.json,
pruned.json, training.csv.
"""

import json
import shutil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.compression.pruning import summary
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreprocessedImages
from edgebake.errors import DataError
from edgebake.models import keras_session
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import PruneParams
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.training import loop
from edgebake.training.distillation import TeacherPredictions
from edgebake.training.loop import TrainingSplits


def run(job: Job) -> str:
    """Cut what the recipe says, train what is left, and report what that cost and won."""
    section: PruneParams = job.section
    source = artifacts.opened(artifacts.folder("train", section.train))
    shutil.copy(source / "contract.json", job.out)
    file = f"model.{section.format}"
    archive = (source / file).read_bytes()
    report: dict[str, Any] = {"method": section.method}
    history: loop.History = []
    if section.fine_tune is not None:
        keras_session.start(section.fine_tune.threads, section.fine_tune.seed)
        parent = _parent(section, archive)
        pruned = plugins.load("prune.method", section.method).prune(parent, section)
        archive, history = keras_session.save(pruned.model), pruned.history
        report |= summary.summarize(parent, pruned, section)
    (job.out / file).write_bytes(archive)
    (job.out / "pruned.json").write_text(json.dumps(report, indent=2) + "\n")
    (job.out / "training.csv").write_text(loop.history_csv(history))
    return summary.line(report)


def _parent(section: PruneParams, archive: bytes) -> OriginalModel:
    train, validation = (
        dataset.read_split(section.data, section.examples, name) for name in ("train", "validation")
    )
    agreed = _contract(section.train)
    images = [PreprocessedImages(examples.images, agreed) for examples in (train, validation)]
    splits = TrainingSplits(images[0], train.labels, images[1], validation.labels)
    # Not in prune's own section: what counts is how the parent on disk was trained, in an experiment too.
    trained = stage_params.read("train", section.train)
    return OriginalModel(archive, trained, splits, _lesson(section, train, validation), agreed)


def _lesson(
    section: PruneParams, train: Examples, validation: Examples
) -> TeacherPredictions | None:
    """Return what the teacher answers on both splits, each image as the teacher sees it."""
    words = section.fine_tune and section.fine_tune.distill
    if not words:
        return None
    folder = artifacts.opened(artifacts.folder("train", section.teacher))
    agreed = _contract(section.teacher)
    if agreed.labels != train.classes:
        raise DataError(
            f"prune.fine_tune.distill.teacher: {section.teacher} answers with {len(agreed.labels)} other classes; "
            f"expected a model of the {len(train.classes)} classes of {section.data.title}"
        )
    model = keras_session.load((folder / "model.keras").read_bytes())

    def answers(examples: Examples) -> NDArray[np.float32]:
        return loop.predictions(model, PreprocessedImages(examples.images, agreed))

    return TeacherPredictions(answers(train), answers(validation), words.temperature, words.alpha)


def _contract(variant: str) -> contract.Contract:
    return contract.from_json((artifacts.folder("train", variant) / "contract.json").read_text())
