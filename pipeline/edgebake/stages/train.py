"""Examples in, a trained model out: one that was built here, or one that somebody brought.

Reads the train and validation splits, and a brought model's file. Writes model.<format>, the float model as a file that
runs without TensorFlow, contract.json, history.csv, metrics.json.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from edgebake import artifacts, plugins
from edgebake.data import dataset
from edgebake.data.preprocessed import PreprocessedImages
from edgebake.models import float_reference, keras_session
from edgebake.models.importers import heads
from edgebake.models.importers.interface import load_importer
from edgebake.recipe import Head, Imported, stage_params
from edgebake.recipe.stage_params import TrainParams
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.outputs import classification
from edgebake.training import loop
from edgebake.training.checkpoint import Checkpoint
from edgebake.training.loop import History, TrainingOptions, TrainingSplits

# Keras' own 0.99 needs thousands of steps to settle; a small set sees some hundreds, and folding would bake the lag in.
BATCH_NORM_MOMENTUM = 0.9
CHECKPOINTS = artifacts.ROOT / ".checkpoints"


@dataclass(frozen=True)
class Trained:
    """A model's archive, the float file that others are compared with, its epochs and its metrics."""

    archive: bytes
    reference: bytes
    history: History
    metrics: dict[str, float]


def run(job: Job) -> str:
    """Train, and keep the float model in a form that runs without TensorFlow as the one others are compared with."""
    section: TrainParams = job.section
    train, validation = (
        dataset.read_split(section.data, section.examples, name) for name in ("train", "validation")
    )
    agreed = contract.from_recipe(section.data, section.model, train.classes)
    images = [PreprocessedImages(examples.images, agreed) for examples in (train, validation)]
    splits = TrainingSplits(images[0], train.labels, images[1], validation.labels)
    imported = section.model.imported
    if imported is None or section.format == "keras":
        trained = _trained(job, splits, agreed)
    else:
        trained = _import_graph(section, imported, splits, agreed)
    (job.out / f"model.{section.format}").write_bytes(trained.archive)
    (job.out / section.reference).write_bytes(trained.reference)
    (job.out / "contract.json").write_text(agreed.to_json())
    (job.out / "history.csv").write_text(loop.history_csv(trained.history))
    (job.out / "metrics.json").write_text(json.dumps(trained.metrics, indent=2) + "\n")
    parameters = (
        f", {trained.metrics['parameters']:,} parameters" if "parameters" in trained.metrics else ""
    )
    return f"validation accuracy {trained.metrics['validation_accuracy']:.4f}{parameters}"


def _trained(job: Job, splits: TrainingSplits, agreed: Contract) -> Trained:
    section: TrainParams = job.section
    keras = keras_session.start(section.threads, section.seed)
    model = _model(keras, section, agreed)
    history = _fit(model, splits, agreed, job) if section.epochs else []
    metrics = _metrics(loop.predictions(model, splits.validation_images), splits)
    return Trained(
        archive=keras_session.save(model),
        reference=float_reference.convert(model),
        history=history,
        metrics={**metrics, "parameters": model.count_params()},
    )


def _model(keras: Any, section: TrainParams, agreed: Contract) -> Any:
    """Return the untrained network, or the one that somebody brought."""
    if section.model.imported is not None:
        return load_importer(section.format).load(agreed, section.model.imported)
    module = plugins.load("model.architecture", section.model.architecture)
    model = module.build(section.model, agreed.channels, len(agreed.labels))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    return model


def _import_graph(
    section: TrainParams, imported: Imported, splits: TrainingSplits, agreed: Contract
) -> Trained:
    """Return a model that no layer of Keras stands for: it is measured, and stays as it is."""
    importer = load_importer(section.format)
    archive = importer.load(agreed, imported)
    answer, images = importer.predictor(archive), splits.validation_images
    answers = np.concatenate([answer(images[number : number + 1]) for number in range(len(images))])
    return Trained(archive, archive, [], _metrics(answers, splits))


def _metrics(answers: Any, splits: TrainingSplits) -> dict[str, float]:
    labels = splits.validation_labels
    right = np.clip(answers[np.arange(len(labels)), labels].astype(np.float64), 1e-7, 1)
    return {
        "validation_accuracy": classification.accuracy(answers, labels),
        "validation_cross_entropy": float(-np.log(right).mean()),
    }


def _fit(model: Any, splits: TrainingSplits, agreed: Contract, job: Job) -> History:
    checkpoint = Checkpoint(CHECKPOINTS / f"train-{job.variant}.npz", _key(job))
    with _progress(job, job.section.epochs) as progress:
        aids = TrainingOptions([_ticker(progress)], contract=agreed, checkpoint=checkpoint)
        history = loop.fit(model, splits, _words(job.section), aids)
    checkpoint.remove()
    return history


def _words(section: TrainParams) -> TrainParams:
    """Return how to train; a head that is new learns, whichever other layers do."""
    brought = section.model.imported
    if brought is None or brought.head is not Head.new:
        return section
    return replace(
        section,
        layers=[*section.layers, heads.LAYER] if section.layers != ["*"] else section.layers,
    )


def _key(job: Job) -> str:
    """Return a digest of all that a training is made from."""
    section: TrainParams = job.section
    examples = (artifacts.folder("data", section.examples) / artifacts.SUMS).read_text()
    files = {section.file, section.weights} if section.model.imported else set()
    brought = [artifacts.sums_of(Path(file)) for file in sorted(files)]
    words = json.dumps([stage_params.to_plain(section), examples, brought], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()


def _progress(job: Job, epochs: int) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[found]}"),
        TimeRemainingColumn(),
    )
    progress = Progress(
        *columns, console=job.console, transient=True, disable=not job.console.is_terminal
    )
    progress.add_task(f"train {job.variant}", total=epochs, found="")
    return progress


def _ticker(progress: Progress) -> Any:
    import keras

    def tick(epoch: int, logs: dict[str, float]) -> None:
        progress.update(
            progress.task_ids[0], completed=epoch + 1, found=f"accuracy {logs['val_accuracy']:.4f}"
        )

    return keras.callbacks.LambdaCallback(on_epoch_end=tick)
