"""Weight clustering: the number of distinct weights is exact, also after fine-tuning.

Guards that what `prune: cluster` promises of the number of weights lasts to the converted file.
Slow: it imports coremltools, fine-tunes a net and converts it.
"""

import dataclasses

import numpy as np
import pytest

from edgebake.compression.pruning.methods import cluster
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.models import keras_session
from edgebake.recipe import Prune
from tests.compression.pruning.methods import halves

pytestmark = pytest.mark.slow

WORDS = Prune("cluster", bits=2, per_channel=False, fine_tune=halves.LEARN)


@pytest.fixture(scope="module")
def parent() -> OriginalModel:
    return halves.parent()


def test_each_layer_has_four_weights_bit_for_bit(parent: OriginalModel) -> None:
    pruned = cluster.prune(parent, WORDS)
    kernels = {
        layer.name: np.array(layer.kernel)
        for layer in pruned.model.layers
        if hasattr(layer, "kernel")
    }
    values = {name: len(np.unique(kernel.view(np.uint32))) for name, kernel in kernels.items()}
    assert values == {"conv": 4, "depthwise": 4, "wide": 4, "probabilities": 4}
    assert pruned.report["layers"][:2] == [
        {"layer": "conv", "kind": "Conv2D", "weights": 144, "values": 4},
        {"layer": "depthwise", "kind": "DepthwiseConv2D", "weights": 144, "values": 4},
    ]
    packed = pruned.report["deflated_bytes"]
    assert packed["after"] < packed["before"]


def test_each_channel_has_four_of_its_own(parent: OriginalModel) -> None:
    pruned = cluster.prune(parent, dataclasses.replace(WORDS, per_channel=True))
    kernel = np.array(pruned.model.get_layer("conv").kernel)
    assert [len(np.unique(kernel[..., channel])) for channel in range(16)] == [4] * 16
    depthwise = np.array(pruned.model.get_layer("depthwise").kernel)
    assert [len(np.unique(depthwise[..., channel, 0])) for channel in range(16)] == [4] * 16
    assert [entry["values"] for entry in pruned.report["layers"]] == [4, 4, 4, 4]


def test_what_is_shared_is_learnt(parent: OriginalModel) -> None:
    pruned = cluster.prune(parent, WORDS)
    assert pruned.accuracy_before_fine_tuning < 0.9
    assert pruned.accuracy > 0.95
    assert pruned.accuracy == pytest.approx(pruned.history[-1]["val_accuracy"])
    assert [row["epoch"] for row in pruned.history] == [1, 2, 3, 4]


def test_the_archive_is_a_folded_model_and_the_same_again(parent: OriginalModel) -> None:
    archives = []
    for _ in range(2):
        keras_session.start(1)
        archives.append(keras_session.save(cluster.prune(parent, WORDS).model))
    assert archives[0] == archives[1]
    plain = keras_session.save(fold_batch_norms(parent.load()).model)
    assert len(archives[0]) == len(plain)  # no state of an optimizer
    assert [layer.name for layer in keras_session.load(archives[0]).layers] == [
        layer.name for layer in keras_session.load(plain).layers
    ]


def test_a_recipe_without_its_words_is_our_own_mistake(parent: OriginalModel) -> None:
    with pytest.raises(ValueError, match="without"):
        cluster.prune(parent, dataclasses.replace(WORDS, bits=None))
