"""Summary of a pruned model, computed by hand."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import summary
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.models import keras_session
from edgebake.recipe import Train
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


def of(hidden: int) -> dict[str, Any]:
    images, labels = np.zeros((5, 2), np.float32), np.zeros(5, np.int64)
    splits = TrainingSplits(images[:2], labels[:2], images, labels)
    parent = OriginalModel(keras_session.save(model(4)), LEARN, splits)
    return summary.summarize(parent, PrunedModel(model(hidden), 0.5, 0.75, [], REPORT))


@pytest.fixture(autouse=True)
def _accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with more weights is right more often."""
    monkeypatch.setattr(loop, "score", lambda model, *_: model.count_params() / 100)


def test_costs_are_those_of_the_model_and_of_each_layer() -> None:
    report = of(3)
    assert report["validation_examples"] == 5
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


def test_a_line_says_what_is_left() -> None:
    expected = (
        "75% of macs, 41% of parameters; validation accuracy 0.3400, cut 0.5000, fine-tuned 0.7500"
    )
    assert summary.line(of(3)) == expected


def test_nothing_cut_is_said() -> None:
    assert summary.line({"method": "none"}) == "not pruned"
