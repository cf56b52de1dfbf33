"""Prune a trained model, and fine-tune it.

Reads train's output, and the teacher's; the train and validation splits. Writes model.<format>,
contract.json, pruned.json, training.csv.
"""

import shutil

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.compression.pruning import summary
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreparedInput
from edgebake.errors import DataError
from edgebake.models import keras_session
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import PruneParams
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.training import loop, preprocess
from edgebake.training.distillation import TeacherPredictions


def run(job: Job[PruneParams]) -> str:
    """Prune and fine-tune the model, and report the accuracy lost and the operations saved."""
    params = job.params
    source = artifacts.verify(artifacts.folder("train", params.train))
    shutil.copy(source / "contract.json", job.out)
    source_model = source / f"model.{params.format}"
    archive = source_model.read_bytes()
    report = {"method": params.method}
    history: loop.History = []
    if params.fine_tune is not None:
        keras_session.start(params.fine_tune.threads, params.fine_tune.seed)
        original = _original_model(params, archive)
        method = plugins.load("prune.method", params.method)
        pruned = method.prune(original, params)
        archive = keras_session.save(pruned.model)
        history = pruned.history
        report |= summary.summarize(original, pruned)
    model = job.out / source_model.name
    model.write_bytes(archive)
    job.write_json("pruned.json", report)
    job.write_text("training.csv", loop.history_csv(history))
    return summary.line(report)


def _original_model(params: PruneParams, archive: bytes) -> OriginalModel:
    train = dataset.read_split(params.data, params.examples, "train")
    validation = dataset.read_split(params.data, params.examples, "validation")
    model_contract = _contract(params.train)
    splits = preprocess.training_splits(train, validation, model_contract)
    # Read from train's own parameters: in an experiment too, the training of the model counts.
    train_params = stage_params.read("train", params.train)
    return OriginalModel(
        archive,
        train_params,
        splits,
        _teacher_predictions(params, train, validation),
        model_contract,
    )


def _teacher_predictions(
    params: PruneParams, train: Examples, validation: Examples
) -> TeacherPredictions | None:
    """Return the teacher's predictions on both splits, preprocessed as the teacher requires."""
    distill = params.fine_tune and params.fine_tune.distill
    if not distill:
        return None
    folder = artifacts.verify(artifacts.folder("train", params.teacher))
    teacher_contract = _contract(params.teacher)
    if teacher_contract.labels != train.classes:
        raise DataError(
            f"prune.fine_tune.distill.teacher: {params.teacher} predicts "
            f"{len(teacher_contract.labels)} other classes; expected a model of the "
            f"{len(train.classes)} classes of {params.data.title}"
        )
    archive = folder / "model.keras"
    model = keras_session.load(archive.read_bytes())

    def predict(examples: Examples) -> NDArray[np.float32]:
        inputs = PreparedInput(examples.inputs, teacher_contract.single_input)
        return loop.predictions(model, inputs)

    return TeacherPredictions(
        train=predict(train),
        validation=predict(validation),
        temperature=distill.temperature,
        alpha=distill.alpha,
    )


def _contract(variant: str) -> Contract:
    folder = artifacts.folder("train", variant)
    file = folder / "contract.json"
    return contract.from_json(file.read_text())
