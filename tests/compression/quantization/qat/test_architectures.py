"""Every architecture can be folded and trained with quantization.

Guards that quantization-aware training takes every architecture and gives plain layers back.
Slow: the slow ones fold all six architectures and train two of them.
"""

from typing import Any

import numpy as np
import pytest

from edgebake import plugins
from edgebake.compression.quantization.qat import rewrite, train
from edgebake.compression.quantization.qat.fold_model import FoldedModel, fold_batch_norms
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.models import keras_session
from edgebake.recipe import Model
from edgebake.training.loop import TrainingSplits
from tests import architectures
from tests.contracts import square_contract

CLASSES = 4
WIDTH = 0.25  # what is tested is the shape of the graph
SETTINGS = QatSettings(
    epochs=1,
    batch_size=32,
    learning_rate=1e-6,
    seed=0,
    freeze_after=1,
    ranges="moving",
    weight_bits=8,
    per_tensor=False,
    quantize_activations=True,
)


def _images() -> Any:
    """Fields of color, which a network that was never trained tells apart better than noise."""
    fields = np.random.default_rng(0).uniform(-1, 1, (64, 2, 2, 3)).astype(np.float32)
    return fields.repeat(16, axis=1).repeat(16, axis=2)


def _built(architecture: str, images: Any) -> Any:
    """Return a network whose batch normalization has seen data, and whose answers vary."""
    keras_session.start(1)
    module = plugins.load("model.architecture", architecture)
    model = module.build(
        Model(architecture=architecture, width_multiplier=WIDTH, resolution=32),
        square_contract(32, 3, CLASSES),
    )
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in norms:
        # Without this, random layers amplify rounding errors by 1.5 dB each: most inputs then stay
        # on one side of the activations.
        layer.gamma.assign(layer.gamma * 0.5)
        layer.beta.assign(layer.beta + 1.0)
        layer.momentum = 0.0  # statistics of one batch are then those of the data
    model(images, training=True)
    for layer in norms:
        layer.momentum = 0.9
    _spread(model, images)
    return model


def _spread(model: Any, images: Any) -> None:
    """Scale and shift the logits, so that every class is some image's answer."""
    last = [layer for layer in model.layers if type(layer).__name__ in ("Conv2D", "Dense")][-1]
    logits = np.log(np.array(model(images, training=False)))
    logits -= logits.mean(axis=1, keepdims=True)
    scale = 2 / logits.std(axis=0).mean()
    last.kernel.assign(last.kernel * scale)
    last.bias.assign(last.bias * scale - scale * logits.mean(axis=0))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", architectures.NAMES)
def test_an_architecture_answers_the_same_once_it_is_folded(architecture: str) -> None:
    images = _images()
    model = _built(architecture, images)
    answers = np.array(model(images, training=False))
    np.testing.assert_allclose(
        np.array(fold_batch_norms(model).model(images, training=False)), answers, atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["ds_cnn", "mobilenet_v3_small"])
def test_an_architecture_is_trained_and_plain_again(architecture: str) -> None:
    images = _images()
    model = _built(architecture, images)
    labels = np.array(model(images, training=False)).argmax(axis=1)
    assert len(set(labels)) > 1
    _check_training(fold_batch_norms(model), TrainingSplits(images, labels, images, labels))


def _check_training(folded: FoldedModel, splits: TrainingSplits) -> None:
    model = rewrite.to_trainable(folded, SETTINGS)
    train.initialize_ranges(model, splits, SETTINGS)
    history = train.fit(model, splits, SETTINGS)
    plain = rewrite.to_plain(model, folded)
    ranges = rewrite.trained_ranges(model)
    assert np.isfinite(history[0]["loss"])
    assert set(ranges) <= {operation.name for operation in plain.operations}
    assert ranges["image"] == pytest.approx(
        (splits.inputs[:].min(), splits.inputs[:].max()), abs=0.1
    )
    assert (
        _agreement(model, plain, splits.inputs) >= 0.7
    )  # of networks that never learnt to be sure
    assert _agreement(model, _rounded_again(plain, ranges), splits.inputs) >= 0.95


def _rounded_again(plain: Any, ranges: dict[str, tuple[float, float]]) -> Any:
    model = rewrite.to_trainable(fold_batch_norms(plain), SETTINGS)
    for name, (low, high) in ranges.items():
        layer = model.get_layer(f"{name}{rewrite.SUFFIX}")
        layer.low.assign(low)
        layer.high.assign(high)
    return model


def _agreement(one: Any, other: Any, images: Any) -> float:
    first, second = (
        np.array(model(images, training=False)).argmax(axis=1) for model in (one, other)
    )
    return float((first == second).mean())
