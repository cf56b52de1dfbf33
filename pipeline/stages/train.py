"""Examples in, a trained Keras model out.

Reads the train and validation splits. Writes model.keras, float.tflite, contract.json, history.csv, metrics.json.
"""

import json
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline import contract, fit, keras_session, plugins, reference
from pipeline.dataset import split
from pipeline.fit import Rows, Splits
from pipeline.job import Job
from pipeline.sections import TrainSection

# Keras' own 0.99 needs thousands of steps to settle; a small set sees some hundreds, and folding would bake the lag in.
BATCH_NORM_MOMENTUM = 0.9


def run(job: Job) -> str:
    """Train, and keep the float model in a form that runs without TensorFlow as the one others are compared with."""
    section: TrainSection = job.section
    examples = plugins.load("data.source", section.data.source).load(section.data)
    agreed = contract.make(section.data, section.model, examples.classes)
    keras = keras_session.start(section.threads, section.seed)
    model = plugins.load("model.architecture", section.model.architecture).build(
        section.model, agreed.channels, len(agreed.labels)
    )
    train, validation = (split(examples, section.data, name) for name in ("train", "validation"))
    splits = Splits(agreed.prepare(train.images), train.labels, agreed.prepare(validation.images), validation.labels)
    history = _fit(keras, model, splits, job)
    metrics = {
        "validation_accuracy": history[-1]["val_accuracy"],
        "validation_cross_entropy": history[-1]["val_loss"],
        "parameters": model.count_params(),
    }
    (job.out / "model.keras").write_bytes(keras_session.save(model))
    (job.out / "float.tflite").write_bytes(reference.convert(model))
    (job.out / "contract.json").write_text(agreed.to_json())
    (job.out / "history.csv").write_text(fit.as_csv(history))
    (job.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    return f"validation accuracy {metrics['validation_accuracy']:.4f}, {metrics['parameters']:,} parameters"


def _fit(keras: Any, model: Any, splits: Splits, job: Job) -> Rows:
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    with _progress(job, job.section.epochs) as progress:
        return fit.fit(model, splits, job.section, [_ticker(keras, progress)])


def _progress(job: Job, epochs: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[found]}"), TimeRemainingColumn())
    progress = Progress(*columns, console=job.console, transient=True, disable=not job.console.is_terminal)
    progress.add_task(f"train {job.variant}", total=epochs, found="")
    return progress


def _ticker(keras: Any, progress: Progress) -> Any:
    def tick(_: int, logs: dict[str, float]) -> None:
        progress.update(progress.task_ids[0], advance=1, found=f"validation accuracy {logs['val_accuracy']:.4f}")

    return keras.callbacks.LambdaCallback(on_epoch_end=tick)
