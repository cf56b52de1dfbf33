"""Training loop: the same seed gives the same weights; history, schedule and teacher."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.recipe import Train
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress
from edgebake.training import loop
from edgebake.training.distillation import TeacherPredictions
from edgebake.training.loop import TrainingOptions, TrainingSplits

WORDS = Train(epochs=3, batch_size=32, learning_rate=0.05, seed=0, threads=1)
NOISE = 0.45  # share of the labels that are wrong


def points(count: int) -> NDArray[np.float32]:
    """Return images of two pixels."""
    return np.random.default_rng(1).uniform(-1, 1, (count, 1, 1, 2)).astype(np.float32)


def truth(images: NDArray[np.float32]) -> NDArray[np.int64]:
    return (images[:, 0, 0, 0] > images[:, 0, 0, 1]).astype(np.int64)


def splits(noise: float = 0.0) -> TrainingSplits:
    images = points(450)
    labels = truth(images)
    flipped = np.random.default_rng(2).uniform(size=250) < noise
    return TrainingSplits(
        images[:250], np.where(flipped, 1 - labels[:250], labels[:250]), images[250:], labels[250:]
    )


def model(seed: int = 0) -> Any:
    keras = keras_session.start(1, seed)
    image = keras.Input((1, 1, 2))
    hidden = keras.layers.Dense(16, "relu")(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(2, "softmax")(hidden))


def teacher_of(data: TrainingSplits, alpha: float) -> TeacherPredictions:
    """Return what a teacher says who is nine tenths sure of the truth."""
    predictions = [
        np.eye(2, dtype=np.float32)[truth(images[:])] * 0.8 + 0.1
        for images in (data.inputs, data.validation_inputs)
    ]
    return TeacherPredictions(predictions[0], predictions[1], 2.0, alpha)


def test_the_last_step_of_an_epoch_may_be_smaller() -> None:
    assert loop.steps_per_epoch(splits(), WORDS) == 8  # 250 images, 32 a step
    assert loop.steps_per_epoch(splits(), Train(1, 250, 0.1, 0, 1)) == 1
    assert loop.steps_per_epoch(splits(), Train(1, 1000, 0.1, 0, 1)) == 1


@pytest.mark.parametrize("taught", [False, True])
def test_the_same_seed_gives_the_same_weights(taught: bool) -> None:
    results = []
    for seed in (0, 0, 1):
        student = model(seed)
        rows = loop.fit(
            student,
            splits(),
            WORDS,
            TrainingOptions(teacher=teacher_of(splits(), 0.5) if taught else None),
        )
        results.append((rows, [weight.tobytes() for weight in student.get_weights()]))
    assert results[0] == results[1]
    assert results[0] != results[2]


@pytest.mark.parametrize("taught", [False, True])
def test_a_training_step_is_traced_once(taught: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    student = model()
    traces: list[Any] = []
    train_step = student.train_step

    def traced(batch: Any) -> Any:
        traces.append(batch)
        return train_step(batch)

    monkeypatch.setattr(student, "train_step", traced)
    teacher = teacher_of(splits(), 0.5) if taught else None
    loop.fit(student, splits(), WORDS, TrainingOptions(teacher=teacher))
    assert len(traces) == 1


def test_every_epoch_is_a_row_and_the_last_tells_of_the_model() -> None:
    student = model()
    shown: list[Progress] = []
    with progress.reported_to(shown.append):
        rows = loop.fit(student, splits(), WORDS)
    accuracies = [f"accuracy {row['val_accuracy']:.4f}" for row in rows]
    assert shown[0] == Progress(1, 3, "epochs", accuracies[0])
    assert shown[-1] == Progress(3, 3, "epochs", accuracies[-1])
    assert [list(row) for row in rows] == [
        ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    ] * 3
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert loop.score(student, splits()) == pytest.approx(rows[-1]["val_accuracy"])
    assert loop.score(student, splits()) > 0.9
    lines = loop.history_csv(rows).splitlines()
    assert lines[0] == "epoch,accuracy,loss,val_accuracy,val_loss"
    assert len(lines) == 4


def test_the_rate_falls_to_zero_along_a_cosine() -> None:
    student = model()
    loop.fit(student, splits(), WORDS)
    rate = student.optimizer._learning_rate  # the schedule; the public one is its value by now
    assert [float(rate(step)) for step in (0, 12, 24)] == pytest.approx(
        [0.05, 0.025, 0.0], abs=1e-6
    )


def test_callbacks_see_every_step() -> None:
    student, steps = model(), []
    import keras

    def note(step: int, **_: Any) -> None:
        steps.append(step)

    loop.fit(
        student,
        splits(),
        WORDS,
        TrainingOptions([keras.callbacks.LambdaCallback(on_train_batch_begin=note)]),
    )
    assert steps == list(range(8)) * 3


def test_where_labels_are_noise_a_student_follows_its_teacher() -> None:
    data, train = splits(NOISE), Train(40, 32, 0.02, 0, 1)
    alone, taught = model(), model()
    loop.fit(alone, data, train)
    rows = loop.fit(taught, data, train, TrainingOptions(teacher=teacher_of(data, 0.0)))
    assert loop.score(taught, data) > 0.95
    assert loop.score(alone, data) < 0.85
    predictions = taught.predict(data.validation_inputs, verbose=0)
    assert np.abs(predictions - teacher_of(data, 0.0).validation).mean() < 0.1
    assert rows[-1]["val_accuracy"] == pytest.approx(loop.score(taught, data))
