"""Summary of a pruned model, computed by hand."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import summary
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.models import keras_session
from edgebake.recipe import FineTune, Prune, Train
from edgebake.training import loop
from edgebake.training.loop import TrainingSplits

LEARN = Train(epochs=7, batch_size=8, learning_rate=0.5, seed=0, threads=1)
REPORT: dict[str, Any] = {
    "whole": {"answer": "why"},
    "layers": [{"layer": "a", "zeros": 0.5}, {"layer": "answer", "zeros": 0.25}],
}


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


def model(hidden: int) -> Any:
    keras = keras_session.start(1)
    image = keras.Input((2,), name="image")
    x = keras.layers.Dense(hidden, use_bias=False, name="a")(image)
    x = keras.layers.BatchNormalization(name="norm")(x) if hidden == 4 else x
    return keras.Model(image, keras.layers.Dense(2, name="answer")(x))


def of(hidden: int, baselines: bool) -> dict[str, Any]:
    learn = FineTune(epochs=3, batch_size=4, learning_rate=0.25, seed=1, threads=1)
    images, labels = np.zeros((5, 2), np.float32), np.zeros(5, np.int64)
    splits = TrainingSplits(images[:2], labels[:2], images, labels)
    parent = OriginalModel(keras_session.save(model(4)), LEARN, splits)
    words = Prune(method="channels", fine_tune=learn, baselines=baselines)
    return summary.summarize(parent, PrunedModel(model(hidden), 0.5, 0.75, [], REPORT), words)


@pytest.fixture(autouse=True)
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Training takes no time, and a model with more weights is right more often."""
    trained_epochs: list[int] = []
    monkeypatch.setattr(loop, "fit", lambda _, __, words, ___: trained_epochs.append(words.epochs))
    monkeypatch.setattr(loop, "accuracy", lambda model, _: model.count_params() / 100)
    return trained_epochs


def test_costs_are_those_of_the_model_and_of_each_layer() -> None:
    report = of(3, baselines=False)
    assert report["validation_images"] == 5
    assert report["accuracy"] == {"before": 0.34, "cut": 0.5, "fine_tuned": 0.75}
    assert report["macs"] == {"before": 2 * 4 + 4 * 2, "after": 2 * 3 + 3 * 2}
    assert report["parameters"] == {"before": 8 + 16 + 10, "after": 6 + 8}
    assert report["whole"] == {"answer": "why"}
    assert report["layers"] == [
        {
            "layer": "a",
            "kind": "Dense",
            "channels": {"before": 4, "after": 3},
            "macs": {"before": 8, "after": 6},
            "parameters": {"before": 8, "after": 6},
            "zeros": 0.5,
        },
        {
            "layer": "norm",
            "kind": "BatchNormalization",
            "channels": {"before": 4, "after": None},
            "macs": {"before": 0, "after": None},
            "parameters": {"before": 16, "after": None},
        },
        {
            "layer": "answer",
            "kind": "Dense",
            "channels": {"before": 2, "after": 2},
            "macs": {"before": 8, "after": 6},
            "parameters": {"before": 10, "after": 8},
            "zeros": 0.25,
        },
    ]


def test_baselines_are_told_where_they_are_asked_for(epochs: list[int]) -> None:
    assert of(3, baselines=False)["baselines"] == {}
    assert epochs == []
    assert of(3, baselines=True)["baselines"] == {"parent_trained_on": 0.34, "from_scratch": 0.14}
    assert epochs == [3, 10]


def test_a_model_that_computes_as_much_is_not_trained_from_scratch() -> None:
    assert of(4, baselines=True)["baselines"] == {"parent_trained_on": 0.34}


def test_a_line_says_what_is_left_and_what_it_has_to_beat() -> None:
    expected = (
        "75% of macs, 41% of parameters; validation accuracy 0.3400, cut 0.5000, fine-tuned 0.7500"
    )
    assert summary.line(of(3, baselines=False)) == expected
    others = ", parent trained on 0.3400, from scratch 0.1400"
    assert summary.line(of(3, baselines=True)) == expected + others


def test_nothing_cut_is_said() -> None:
    assert summary.line({"method": "none"}) == "not pruned"
