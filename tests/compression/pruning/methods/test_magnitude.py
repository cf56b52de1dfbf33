"""Magnitude pruning: exact sparsity, a plain model, and the same bytes every time."""

import dataclasses
import zipfile
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning.methods import magnitude
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.models import keras_session
from edgebake.recipe import Prune, SparsityPattern
from tests.compression.pruning.methods import halves

WORDS = Prune("magnitude", sparsity=0.7, ramp=0.5, fine_tune=halves.LEARN)


@pytest.fixture(scope="module")
def parent() -> OriginalModel:
    return halves.parent()


def zeros(model: Any, name: str) -> int:
    return int((np.array(model.get_layer(name).kernel) == 0).sum())


@pytest.mark.parametrize("ramp", [0.0, 0.5, 1.0])
def test_each_layer_has_its_exact_share_of_zeros(parent: OriginalModel, ramp: float) -> None:
    pruned = magnitude.prune(parent, dataclasses.replace(WORDS, ramp=ramp))
    assert {name: zeros(pruned.model, name) for name in ("conv", "wide", "probabilities")} == {
        "conv": 101,
        "wide": 90,
        "probabilities": 11,
    }
    assert zeros(pruned.model, "depthwise") == 0
    assert [row["epoch"] for row in pruned.history] == [1, 2, 3, 4]


def test_training_brings_back_what_was_lost(parent: OriginalModel) -> None:
    longer = dataclasses.replace(halves.LEARN, epochs=12)
    pruned = magnitude.prune(parent, dataclasses.replace(WORDS, sparsity=0.95, fine_tune=longer))
    assert pruned.accuracy_before_fine_tuning < 0.8
    assert pruned.accuracy > 0.9
    assert pruned.accuracy == pytest.approx(pruned.history[-1]["val_accuracy"])


def test_the_report_tells_of_each_layer(parent: OriginalModel) -> None:
    pruned = magnitude.prune(parent, WORDS)
    assert pruned.report["zeros"] == {"before": 0.0, "after": 202 / 288}
    assert pruned.report["layers"] == [
        {"layer": "conv", "kind": "Conv2D", "weights": 144, "zeros": 101},
        {"layer": "wide", "kind": "Conv2D", "weights": 128, "zeros": 90},
        {"layer": "probabilities", "kind": "Dense", "weights": 16, "zeros": 11},
    ]
    assert list(pruned.report["whole"]) == ["depthwise"]
    assert pruned.report["deflated_bytes"]["after"] < pruned.report["deflated_bytes"]["before"]
    assert "no speedup is expected" in pruned.report["speed"]


def test_the_first_cut_is_that_of_the_parent_and_patterns_are_kept(parent: OriginalModel) -> None:
    options = dataclasses.replace(WORDS, sparsity=None, ramp=None, pattern=SparsityPattern(2, 4))
    pruned = magnitude.prune(parent, options)
    assert list(pruned.report["whole"]) == ["depthwise", "conv"]  # one input channel
    before, after = (
        np.array(model.get_layer("wide").kernel)[0, 0] for model in (parent.load(), pruned.model)
    )
    largest = np.sort(np.argsort(-np.abs(before).reshape(4, 4, 8), axis=1)[:, :2], axis=1)
    assert np.array_equal(
        np.argwhere(after.T.reshape(8, 4, 4))[:, 2], largest.transpose(2, 0, 1).ravel()
    )
    assert pruned.report["zeros"]["after"] == 0.5


def test_the_archive_is_plain_small_and_the_same_again(parent: OriginalModel) -> None:
    archives = []
    for _ in range(2):
        keras_session.start(1)
        archives.append(keras_session.save(magnitude.prune(parent, WORDS).model))
    assert archives[0] == archives[1]
    whole = keras_session.save(parent.load())
    config, plain = (
        zipfile.ZipFile(BytesIO(archive)).read("config.json") for archive in (archives[0], whole)
    )
    assert config == plain
    assert len(archives[0]) == len(whole)  # no state of an optimizer
    assert zeros(keras_session.load(archives[0]), "conv") == 101


def test_a_recipe_without_its_words_is_our_own_mistake(parent: OriginalModel) -> None:
    with pytest.raises(ValueError, match="without"):
        magnitude.prune(parent, dataclasses.replace(WORDS, sparsity=None))
