"""Examples in, a trained Keras model out.

Reads the train and validation splits. Writes model.keras, float.tflite, contract.json, history.csv, metrics.json.
"""

import csv
import io
import json
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline import contract, keras_session, plugins, reference
from pipeline.dataset import Examples, split
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
    history = _fit(keras, model, (examples, agreed), job)
    metrics = {
        "validation_accuracy": history[-1]["val_accuracy"],
        "validation_cross_entropy": history[-1]["val_loss"],
        "parameters": model.count_params(),
    }
    (job.out / "model.keras").write_bytes(keras_session.save(model))
    (job.out / "float.tflite").write_bytes(reference.convert(model))
    (job.out / "contract.json").write_text(agreed.to_json())
    (job.out / "history.csv").write_text(_as_csv(history))
    (job.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    return f"validation accuracy {metrics['validation_accuracy']:.4f}, {metrics['parameters']:,} parameters"


def _fit(keras: Any, model: Any, data: tuple[Examples, contract.Contract], job: Job) -> list[dict[str, float]]:
    section: TrainSection = job.section
    examples, agreed = data
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    train, validation = (split(examples, section.data, name) for name in ("train", "validation"))
    steps = section.epochs * -(-len(train.labels) // section.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(section.learning_rate, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    with _progress(job, section.epochs) as progress:
        fitted = model.fit(
            agreed.prepare(train.images),
            train.labels,
            validation_data=(agreed.prepare(validation.images), validation.labels),
            epochs=section.epochs,
            batch_size=section.batch_size,
            verbose=0,
            callbacks=[_ticker(keras, progress)],
        )
    rows = zip(*fitted.history.values(), strict=True)
    return [{"epoch": epoch, **dict(zip(fitted.history, row, strict=True))} for epoch, row in enumerate(rows, start=1)]


def _progress(job: Job, epochs: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[found]}"), TimeRemainingColumn())
    progress = Progress(*columns, console=job.console, transient=True, disable=not job.console.is_terminal)
    progress.add_task(f"train {job.variant}", total=epochs, found="")
    return progress


def _ticker(keras: Any, progress: Progress) -> Any:
    def tick(_: int, logs: dict[str, float]) -> None:
        progress.update(progress.task_ids[0], advance=1, found=f"validation accuracy {logs['val_accuracy']:.4f}")

    return keras.callbacks.LambdaCallback(on_epoch_end=tick)


def _as_csv(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
