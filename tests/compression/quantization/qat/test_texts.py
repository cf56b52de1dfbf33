"""Models of texts are trained for int8: ids stay whole, their table is trained on its grid."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.compression.quantization.qat import fold_model
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.compression.quantization.qat.train import QatResult, train
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Granularity
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes import session
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, TensorSpec
from edgebake.training.loop import TrainingSplits
from tests.contracts import probabilities

ROWS = 30
LENGTH = 8
LABELS = ["low", "high"]
IDS = ContractInput("ids", "text", TensorSpec("ids", (LENGTH,), "int32", ROWS - 1), ())
CONTRACT = Contract("classification", (IDS,), (probabilities(LABELS),), LABELS)
SETTINGS = QatSettings(
    epochs=3,
    batch_size=16,
    learning_rate=0.002,
    seed=0,
    freeze_after=2,
    ranges="moving",
    weight_bits=8,
    per_tensor=False,
    quantize_activations=True,
)
OPTIONS = Calibration("min_max", 40, 0)


@pytest.fixture
def texts(keras: Any) -> Any:
    """Return a model of ids [n, 8]: table, conv with batch norm, and dense."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    x = layers.Reshape((1, LENGTH, 6), name="row")(layers.Embedding(ROWS, 6, name="table")(ids))
    # More than 1,024 weights: LiteRT leaves fewer in float.
    x = layers.Conv2D(64, (1, 3), use_bias=False, name="conv")(x)
    x = layers.ReLU(6.0, name="relu")(layers.BatchNormalization(momentum=0.9, name="norm")(x))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(ids, layers.Dense(2, activation="softmax", name="probabilities")(x))


def _splits() -> TrainingSplits:
    """Texts of low and of high ids."""
    draw = np.random.default_rng(0)
    labels = np.arange(192) % 2
    ids = draw.integers(0, ROWS // 2, (192, LENGTH), np.int32)
    ids[labels == 1] += ROWS // 2
    return TrainingSplits(ids[:128], labels[:128], ids[128:], labels[128:])


def test_a_check_looks_up_rows_of_the_whole_table(texts: Any) -> None:
    ids = fold_model.random_inputs(texts)
    assert (ids.dtype, ids.shape) == (np.dtype("int32"), (4, LENGTH))
    assert len(np.unique(ids)) > 15
    assert ids.min() >= 0
    assert ids.max() < ROWS


def test_ids_without_a_table_are_bytes(keras: Any) -> None:
    ids = keras.Input((500,), dtype="uint8", name="ids")
    inputs = fold_model.random_inputs(keras.Model(ids, keras.ops.cast(ids, "float32")))
    assert (inputs.dtype, inputs.min(), inputs.max()) == (np.dtype("uint8"), 0, 255)


def test_another_row_than_the_first_makes_another_model(keras: Any, texts: Any) -> None:
    changed = keras.models.clone_model(texts)
    changed.set_weights(texts.get_weights())
    fold_model.check_same_outputs(texts, changed)
    table = changed.get_layer("table")
    rows = np.array(table.embeddings)
    rows[1:] += 1
    table.set_weights([rows])
    with pytest.raises(ConversionError, match="the rewritten model differs by"):
        fold_model.check_same_outputs(texts, changed)


def test_a_table_is_trained_only_with_what_it_returns(texts: Any) -> None:
    settings = replace(SETTINGS, weight_bits=4, quantize_activations=False)
    expected = (
        "layer 'table': Embedding has weights that cannot be fake-quantized alone; "
        "expected a scheme with integer activations: int8"
    )
    with pytest.raises(ConversionError, match=re.escape(expected)):
        train(keras_session.save(texts), _splits(), settings)


def _trained(model: Any) -> QatResult:
    splits = _splits()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 0.03
    model.fit(splits.inputs, splits.labels, epochs=4, batch_size=16, verbose=0)
    return train(keras_session.save(model), splits, SETTINGS)


def test_a_model_of_texts_is_trained_for_int8_and_computes_in_it(texts: Any) -> None:
    table = np.array(texts.get_layer("table").embeddings)
    result = _trained(texts)
    assert result.history[-1]["val_accuracy"] == 1.0
    assert sorted(result.ranges) == ["average", "probabilities", "relu", "table"]
    trained_table = np.array(keras_session.load(result.archive).get_layer("table").embeddings)
    assert np.abs(trained_table - table).max() > 0.01
    splits = _splits()
    ranges = calibration.calibrate(result.archive, {"ids": splits.inputs[:40]}, OPTIONS)
    ranges = calibration.with_trained_ranges(ranges, result.archive, result.ranges)
    item = QuantizedModel(
        result.archive,
        "int8",
        "int8",
        "int8",
        ends=CONTRACT.ends,
        granularity=Granularity.per_channel,
        ranges=ranges,
    )
    runtime = load_runtime("litert")
    about = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random texts")
    files = runtime.convert_model(item, CONTRACT, ConvertParams("litert", None, about=about))
    outputs = session.predictions(
        runtime.load_session(files, 1), NamedExamples({"ids": splits.validation_inputs})
    )
    answers = outputs["probabilities"].argmax(axis=1)
    assert np.array_equal(answers, splits.validation_labels)
