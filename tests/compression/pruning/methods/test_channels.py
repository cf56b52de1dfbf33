"""Structured pruning reaches its target in steps and returns a plain model."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import baselines, fine_tune, latency, layer_costs
from edgebake.compression.pruning.layer_costs import Metric
from edgebake.compression.pruning.methods import channels
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.errors import ConversionError
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import FineTune, ImportanceScore, Prune, PruningTarget, Train
from edgebake.training import loop
from edgebake.training.distillation import TeacherPredictions
from edgebake.training.loop import TrainingSplits

LEARN = Train(epochs=1, batch_size=16, learning_rate=0.01, seed=0, threads=1)
# a: 6 x 6 x 9 x 8; b and c: 6 x 6 x 9 x 8 x 8; the answer: 8 x 2
MACS = 36 * (9 * 8 + 8 * 8 + 8 * 8) + 8 * 2


def _splits() -> TrainingSplits:
    labels = np.arange(48) % 2
    images = np.random.default_rng(0).uniform(-1, 1, (48, 8, 8, 1)).astype(np.float32)
    images[labels == 1, 4:] *= 0.2
    return TrainingSplits(images[:32], labels[:32], images[32:], labels[32:])


@pytest.fixture(scope="module")
def parent() -> OriginalModel:
    """A residual block: `a` and `c` are tied, `b` is between them."""
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(8, 3, name="a")(image)))
    y = layers.Conv2D(8, 1, activation="relu", name="b")(x)
    x = layers.GlobalAveragePooling2D()(
        layers.Add(name="sum")([x, layers.Conv2D(8, 1, name="c")(y)])
    )
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="answer")(x))
    return OriginalModel(keras_session.save(model), LEARN, _splits())


def words(
    keep: float | None = None, target: PruningTarget | None = None, steps: int = 1, epochs: int = 1
) -> Prune:
    learn = FineTune(epochs=epochs, batch_size=16, learning_rate=0.01, seed=0, threads=1)
    options: dict[str, Any] = {"keep": keep, "target": target, "steps": steps, "fine_tune": learn}
    return Prune(method="channels", score=ImportanceScore.l2, floor=0.25, multiple=1, **options)


def prune(parent: OriginalModel, options: Prune) -> PrunedModel:
    keras_session.start(1)
    return channels.prune(parent, options)


def archive(pruned: PrunedModel) -> bytes:
    """Return the model as the stage hands it on, without the state of its training."""
    return keras_session.save(keras_graph.functional(pruned.model))


def sizes(pruned: PrunedModel) -> dict[str, int]:
    return {name: cost.channels for name, cost in layer_costs.count(pruned.model).items()}


@pytest.fixture
def _untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training takes no time, where only what is cut is looked at."""
    monkeypatch.setattr(fine_tune, "train", lambda *_: [{"epoch": 1}])
    monkeypatch.setattr(loop, "score", lambda *_: 0.5)


@pytest.fixture(scope="module")
def kept(parent: OriginalModel) -> PrunedModel:
    return prune(parent, words(keep=0.25, steps=2, epochs=3))


def test_each_layer_keeps_its_share(kept: PrunedModel) -> None:
    assert sizes(kept) == {"a": 2, "norm": 2, "b": 2, "c": 2, "answer": 2}


def test_each_step_goes_the_same_part_of_the_way_and_is_told(
    parent: OriginalModel, kept: PrunedModel
) -> None:
    half = 36 * (9 * 4 + 4 * 4 + 4 * 4) + 4 * 2
    assert [step["macs"] for step in kept.report["steps"]] == [
        half,
        36 * (9 * 2 + 2 * 2 + 2 * 2) + 2 * 2,
    ]
    assert all(
        set(step) == {"macs", "parameters", "accuracy_cut", "accuracy"}
        for step in kept.report["steps"]
    )
    assert [row["epoch"] for row in kept.history] == [1, 2, 3]
    last = kept.report["steps"][-1]
    assert (kept.accuracy_before_fine_tuning, kept.accuracy) == (
        last["accuracy_cut"],
        last["accuracy"],
    )
    assert kept.accuracy == loop.score(kept.model, parent.splits)


def test_layers_that_stay_whole_are_told(kept: PrunedModel) -> None:
    assert kept.report["whole"] == {"answer": "its softmax depends on all channels"}
    assert "timed" not in kept.report


def test_the_same_seed_gives_the_same_bytes(parent: OriginalModel, kept: PrunedModel) -> None:
    again = prune(parent, words(keep=0.25, steps=2, epochs=3))
    assert archive(again) == archive(kept)
    assert again.report == kept.report
    assert again.history == kept.history


def test_the_model_is_a_plain_one(parent: OriginalModel, kept: PrunedModel) -> None:
    loaded = keras_session.load(archive(kept))
    images = parent.splits.validation_inputs
    np.testing.assert_array_equal(np.array(loaded(images)), np.array(kept.model(images)))
    assert loaded.input_shape == (None, 8, 8, 1)
    assert loaded.inputs[0].name == "image"
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}


def test_a_model_that_learnt_from_a_teacher_can_be_cut_again_and_trained_from_scratch(
    parent: OriginalModel,
) -> None:
    sure = [np.eye(2, dtype=np.float32)[np.ones(count, int)] for count in (32, 16)]
    options = words(keep=0.5, steps=2, epochs=2)
    pupil = prune(
        replace(parent, teacher=TeacherPredictions(sure[0], sure[1], temperature=2.0, alpha=0.0)),
        options,
    )
    assert sizes(pupil)["a"] == 4
    baselines.from_scratch(pupil.model, parent, fine_tune.options(options))
    assert archive(pupil) != archive(prune(parent, options))


@pytest.mark.usefixtures("_untrained")
@pytest.mark.parametrize("word", ["macs", "parameters"])
def test_a_goal_is_reached(parent: OriginalModel, word: Metric) -> None:
    pruned = prune(parent, words(target=PruningTarget(**{word: 0.4}), steps=2, epochs=2))
    before, after = (
        layer_costs.total(layer_costs.count(parent.load()), word),
        layer_costs.total(layer_costs.count(pruned.model), word),
    )
    assert before == (MACS if word == "macs" else 80 + 32 + 72 + 72 + 18)
    assert 0.25 * before < after <= 0.4 * before
    assert 0.4 < pruned.report["steps"][0][word] / before <= 0.4**0.5


@pytest.mark.usefixtures("_untrained")
def test_a_goal_of_latency_tells_what_was_timed(
    parent: OriginalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        latency, "_load_session", lambda model: layer_costs.total(layer_costs.count(model), "macs")
    )
    monkeypatch.setattr(latency, "latency_ratio", lambda trial, other: trial / other)
    pruned = prune(parent, words(target=PruningTarget(latency=0.5)))
    assert pruned.report["steps"][0]["macs"] <= 0.5 * MACS
    assert all(trial["latency"] == pytest.approx(trial["macs"]) for trial in pruned.report["timed"])
    assert len(pruned.report["timed"]) >= 2


def test_a_goal_below_the_floor_is_refused(parent: OriginalModel) -> None:
    expected = (
        "prune.target.macs: 940 remain with every layer at its floor; expected at most 722: "
        "lower prune.floor or raise prune.target.macs"
    )
    with pytest.raises(ConversionError, match=f"^{re.escape(expected)}$"):
        prune(parent, words(target=PruningTarget(macs=0.1)))


@pytest.mark.usefixtures("_untrained")
def test_channels_that_meet_one_alone_may_come_down_to_one_in_steps(parent: OriginalModel) -> None:
    """They are tied then, as they were not before."""
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, name="a")(image)
    x = layers.Multiply()([x, layers.Conv2D(1, 3, activation="sigmoid", name="map")(image)])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 1, name="b")(x))
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="answer")(x))
    options = words(keep=0.05, steps=2, epochs=2)
    options.floor = 0
    pruned = prune(replace(parent, archive=keras_session.save(model)), options)
    assert sizes(pruned) == {"a": 1, "map": 1, "b": 1, "answer": 2}
