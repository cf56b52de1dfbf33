"""Quantization-aware training returns plain layers, ranges, and the same bytes every time.

Guards that a model trained for int8 or int4 ships without code of ours and is the same every
time.
Slow: each test trains a small net.
"""

import dataclasses
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization.qat import rewrite
from edgebake.compression.quantization.qat import train as training
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.compression.quantization.qat.train import train
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.training.loop import TrainingSplits

pytestmark = pytest.mark.slow

SETTINGS = QatSettings(
    epochs=3,
    batch_size=16,
    learning_rate=0.02,
    seed=0,
    freeze_after=2,
    ranges="moving",
    weight_bits=8,
    per_tensor=False,
    quantize_activations=True,
)
STORED = ["average", "image", "probabilities", "relu", "relu6"]


def _splits() -> TrainingSplits:
    """Images with a bright upper or lower half."""
    draw = np.random.default_rng(0)
    labels = np.arange(96) % 2
    images = draw.uniform(-1, 1, (96, 8, 8, 1)).astype(np.float32)
    images[labels == 1, 4:] *= 0.2
    return TrainingSplits(images[:64], labels[:64], images[64:], labels[64:])


@pytest.fixture
def archive(small: Any) -> bytes:
    return keras_session.save(small)


def test_the_same_input_gives_the_same_bytes(archive: bytes) -> None:
    settings = dataclasses.replace(SETTINGS, ranges="learned")
    results = []
    for _ in range(2):
        keras_session.start(1)
        results.append(train(archive, _splits(), settings))
    assert results[0].archive == results[1].archive
    assert results[0] == results[1]


@pytest.mark.parametrize("ranges", ["moving", "learned"])
def test_what_a_model_has_learnt_it_keeps_with_four_bits(small: Any, ranges: str) -> None:
    splits, settings = (
        _splits(),
        dataclasses.replace(SETTINGS, learning_rate=0.005, weight_bits=4, ranges=ranges),
    )
    small.compile("adam", "sparse_categorical_crossentropy")
    small.optimizer.learning_rate = 0.03
    small.fit(splits.inputs, splits.labels, epochs=15, batch_size=16, verbose=0)
    result = train(keras_session.save(small), splits, settings)
    assert result.history[-1]["val_accuracy"] > 0.9
    assert sorted(result.ranges) == STORED


def test_every_epoch_is_told(archive: bytes) -> None:
    result = train(archive, _splits(), SETTINGS)
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert set(result.history[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}


def test_the_archive_holds_plain_layers_that_need_no_code_of_ours(archive: bytes) -> None:
    result = train(archive, _splits(), SETTINGS)
    model = keras_session.load(result.archive)
    kinds = [
        "InputLayer",
        "Conv2D",
        "ReLU",
        "DepthwiseConv2D",
        "ReLU",
        "GlobalAveragePooling2D",
        "Dense",
        "Activation",
    ]
    assert [type(layer).__name__ for layer in model.layers] == kinds
    with zipfile.ZipFile(io.BytesIO(result.archive)) as opened:
        assert b"edgebake" not in opened.read("config.json")
    assert set(result.ranges) <= {layer.name for layer in model.layers}


@pytest.mark.parametrize("per_tensor", [False, True])
def test_four_bit_weights_lie_on_their_grid_and_depthwise_ones_on_one_of_eight(
    archive: bytes, per_tensor: bool
) -> None:
    settings = dataclasses.replace(SETTINGS, weight_bits=4, per_tensor=per_tensor)
    model = keras_session.load(train(archive, _splits(), settings).archive)
    for name, steps in (("conv", 7), ("depthwise", 127), ("probabilities", 7)):
        kernel = np.array(model.get_layer(name).kernel)
        rows = kernel.reshape(
            -1,
            1
            if per_tensor
            else max(kernel.shape[-2:])
            if name == "depthwise"
            else kernel.shape[-1],
        )
        numbers = rows / np.abs(rows).max(axis=0) * steps
        np.testing.assert_allclose(numbers, np.rint(numbers), atol=1e-4)
        assert len(np.unique(np.rint(numbers))) > 3


def test_activations_that_stay_float_have_no_ranges_and_no_rounding(archive: bytes) -> None:
    splits, settings = (
        _splits(),
        dataclasses.replace(SETTINGS, quantize_activations=False, weight_bits=4),
    )
    folded = fold_batch_norms(keras_session.load(archive))
    model = rewrite.to_trainable(folded, settings)
    history = training.fit(model, splits, settings)
    plain = rewrite.to_plain(model, folded)
    assert rewrite.trained_ranges(model) == {}
    assert len(history) == settings.epochs
    np.testing.assert_allclose(
        np.array(plain(splits.inputs)), np.array(model(splits.inputs)), atol=1e-5
    )


def test_statistics_and_ranges_stay_from_the_epoch_of_the_freeze_on(archive: bytes) -> None:
    settings = dataclasses.replace(SETTINGS, freeze_after=0)
    model = rewrite.to_trainable(fold_batch_norms(keras_session.load(archive)), settings)
    training.initialize_ranges(model, _splits(), settings)
    before, watched = np.array(model.get_layer("conv").moving_mean), rewrite.trained_ranges(model)
    training.fit(model, _splits(), settings)
    np.testing.assert_array_equal(np.array(model.get_layer("conv").moving_mean), before)
    assert rewrite.trained_ranges(model) == watched
    assert watched["relu"][1] > 0.1


def test_the_freeze_comes_in_the_middle_of_training(archive: bytes) -> None:
    means = []
    for epochs, after in ((4, 2), (4, 4)):
        keras_session.start(1)
        settings = dataclasses.replace(SETTINGS, epochs=epochs, freeze_after=after)
        model = rewrite.to_trainable(fold_batch_norms(keras_session.load(archive)), settings)
        training.fit(model, _splits(), settings)
        means.append(np.array(model.get_layer("conv").moving_mean))
    assert np.abs(means[0]).max() > 0
    assert np.abs(means[0] - means[1]).max() > 0


@pytest.mark.parametrize("ranges", ["moving", "learned"])
def test_plain_layers_and_the_ranges_are_all_of_the_trained_model(
    archive: bytes, ranges: str
) -> None:
    splits, settings = _splits(), dataclasses.replace(SETTINGS, ranges=ranges)
    folded = fold_batch_norms(keras_session.load(archive))
    model = rewrite.to_trainable(folded, settings)
    training.initialize_ranges(model, splits, settings)
    training.fit(model, splits, settings)
    again = rewrite.to_trainable(fold_batch_norms(rewrite.to_plain(model, folded)), settings)
    for name, (low, high) in rewrite.trained_ranges(model).items():
        layer = again.get_layer(f"{name}_range")
        layer.low.assign(low)
        layer.high.assign(high)
    np.testing.assert_allclose(
        np.array(again(splits.inputs)), np.array(model(splits.inputs)), atol=1e-5
    )


def test_the_image_is_rounded_for_every_reader_also_one_that_takes_it_by_name(keras: Any) -> None:
    image = keras.Input((8, 8, 1), name="image")
    folded = fold_batch_norms(
        keras.Model(image, keras.layers.Add()([image, keras.layers.ReLU()(inputs=image)]))
    )
    layers = rewrite.to_trainable(folded, SETTINGS).layers
    assert [layer.name for layer in layers if "image" in layer.name] == ["image", "image_range"]
    assert [layer.input.name for layer in layers if type(layer).__name__ == "ReLU"] != ["image"]


def test_an_output_of_several_tensors_is_refused(keras: Any) -> None:
    image = keras.Input((8, 8, 2), name="image")
    operation = keras.src.ops.nn.Moments(axes=[1, 2], name="moments")
    folded = fold_batch_norms(keras.Model(image, keras.ops.add(*operation(image))))
    with pytest.raises(ConversionError, match="layer 'moments': returns 2 tensors; expected one"):
        rewrite.to_trainable(folded, SETTINGS)


def test_the_planner_can_import_every_module() -> None:
    folder = Path(training.__file__).parent
    modules = [
        f"edgebake.compression.quantization.qat.{path.stem}"
        for path in sorted(folder.glob("*.py"))
        if path.stem != "__init__"
    ]
    heavy = ("tensorflow", "keras")
    imports = f"import sys, {', '.join(modules)}"
    program = f"{imports}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
