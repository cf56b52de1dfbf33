"""Models of Keras 2 and 3 keep their predictions, or are refused with what to do."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import keras as keras_format
from edgebake.recipe import Head, Output
from tests.models.importers.made import FILES, contract, model, options

KEPT = {"sequential": 5, "operations": 4, "random_crop": 5, "hard_sigmoid": 4, "recurrent": 4}
COUNTS = {  # of weighted layers: what a reader that dropped one would not have
    "sequential": {"Conv2D", "BatchNormalization", "SeparableConv2D", "Conv2DTranspose", "Dense"},
    "operations": {"DepthwiseConv2D", "Conv2D", "Dense"},
    "random_crop": {"Conv2D", "Dense"},
    "hard_sigmoid": {"Conv2D", "Dense"},
    "recurrent": {"Bidirectional", "GRU", "Dense"},
}


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def answers(found: Any, given: Any) -> Any:
    return np.asarray(found(given, training=False))


def again(found: Any) -> Any:
    """Return the model as a later stage reads it."""
    return keras_session.load(keras_session.save(found))


@pytest.mark.parametrize("name", KEPT)
def test_a_file_of_keras_2_answers_as_in_keras_2(keras: Any, name: str) -> None:
    kept = np.load(FILES / f"{name}.npz")
    found = again(keras_format.load(contract(KEPT[name]), options(FILES / f"{name}.h5")))
    assert {type(layer).__name__ for layer in found.layers if layer.weights} == COUNTS[name]
    assert answers(found, kept["x"]) == pytest.approx(kept["y"], abs=1e-6)


def test_an_hdf5_file_may_be_called_keras(keras: Any, tmp_path: Path) -> None:
    file = tmp_path / "old.keras"
    shutil.copy(FILES / "sequential.h5", file)
    kept = np.load(FILES / "sequential.npz")
    assert answers(keras_format.load(contract(5), options(file)), kept["x"]) == pytest.approx(
        kept["y"], abs=1e-6
    )


def test_a_lambda_layer_of_keras_2_is_refused_without_trust(keras: Any) -> None:
    with pytest.raises(
        ModelError, match=r"layer 'lambda' is a Lambda.*model\.imported\.allow_code: true"
    ):
        keras_format.load(contract(4), options(FILES / "lambda.h5"))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_file_of_keras_3_answers_the_same(keras: Any, tmp_path: Path, suffix: str) -> None:
    made, file = model(keras), tmp_path / f"model.{suffix}"
    made.save(file)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    found = keras_format.load(contract(4), options(file))
    assert found.inputs[0].name == "image"
    assert answers(again(found), images) == pytest.approx(answers(made, images), abs=1e-7)


def test_a_lambda_that_is_trusted_is_kept_as_a_graph_without_code(
    keras: Any, tmp_path: Path
) -> None:
    image = keras.Input((16, 16, 3))
    halves = keras.layers.Lambda(lambda x: x / 2 + 1, output_shape=(16, 16, 3), name="halves")(
        image
    )
    made, file = keras.Model(image, model(keras)(halves)), tmp_path / "model.keras"
    made.save(file)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    found = again(keras_format.load(contract(4), options(file, trust=True)))  # read in safe mode
    assert answers(found, images) == pytest.approx(answers(made, images), abs=1e-7)
    with pytest.raises(ModelError, match="layer 'halves' is a Lambda"):
        keras_format.load(contract(4), options(file))


def test_models_within_the_model_are_unfolded_and_augmentation_is_left_out(
    keras: Any, tmp_path: Path
) -> None:
    inner = [
        keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 1, name="same")])
        for _ in range(2)
    ]
    layers = [
        keras.Input((16, 16, 3)),
        keras.layers.RandomFlip(),
        *inner,
        keras.layers.Flatten(),
        keras.layers.Dense(4),
    ]
    made, file = keras.Sequential([*layers, keras.layers.Softmax()]), tmp_path / "model.keras"
    made.save(file)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    found = keras_format.load(contract(4), options(file))
    assert [type(layer).__name__ for layer in found.layers] == [
        "InputLayer", "Conv2D", "Conv2D", "Flatten", "Dense", "Softmax",
    ]  # fmt: skip
    assert answers(again(found), images) == pytest.approx(answers(made, images), abs=1e-7)


def test_a_frozen_backbone_stays_frozen(keras: Any, tmp_path: Path) -> None:
    inner = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.BatchNormalization(momentum=0.5)]
    )
    inner.trainable = False
    image = keras.Input((16, 16, 3))
    made, file = keras.Model(image, model(keras)(inner(image))), tmp_path / "model.keras"
    made.save(file)
    found = keras_format.load(contract(4), options(file))
    found(np.ones((2, 16, 16, 3), np.float32), training=True)
    assert [layer.trainable for layer in found.layers if layer.weights] == [False, True, True]
    assert np.array(found.layers[1].moving_mean) == pytest.approx([0, 0, 0])


def test_a_model_of_any_size_takes_the_recipes(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    keras.Model(image, keras.layers.Dense(4, activation="softmax")(x)).save(
        tmp_path / "model.keras"
    )
    assert keras_format.load(contract(4, size=24), options(tmp_path / "model.keras")).inputs[
        0
    ].shape == (None, 24, 24, 3)


def test_ends_that_are_not_the_recipes_are_refused_together(keras: Any, tmp_path: Path) -> None:
    model(keras).save(tmp_path / "model.keras")
    with pytest.raises(
        ModelError, match=r"model\.resolution: 16.*data\.color: rgb or bgr.*predicts 4 classes"
    ):
        keras_format.load(
            contract(3, size=24, color="grayscale"), options(tmp_path / "model.keras")
        )


def test_two_inputs_are_refused(keras: Any, tmp_path: Path) -> None:
    images = [keras.Input((16, 16, 3)) for _ in range(2)]
    keras.Model(images, model(keras)(keras.layers.Add()(images))).save(tmp_path / "model.keras")
    with pytest.raises(
        ModelError, match="has 2 inputs and 1 output; edgebake imports image classifiers so far"
    ):
        keras_format.load(contract(4), options(tmp_path / "model.keras"))


def test_weights_alone_are_refused(keras: Any, tmp_path: Path) -> None:
    model(keras).save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ModelError, match="holds only weights; expected a whole model"):
        keras_format.load(contract(4), options(tmp_path / "model.weights.h5"))


def test_a_class_that_keras_does_not_have_is_named_with_what_to_do(
    keras: Any, tmp_path: Path
) -> None:
    mine = type("Mine", (keras.layers.Dense,), {})
    keras.Sequential([keras.Input((16, 16, 3)), mine(4, name="own")]).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=r"layer 'own' is of the class 'Mine'.*model\.export"):
        keras_format.load(contract(4), options(tmp_path / "model.keras"))


def test_a_layer_that_is_called_for_training_is_refused(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((16, 16, 3))
    dropped = keras.layers.Dropout(0.5, name="always")(image, training=True)
    file = tmp_path / "model.keras"
    keras.Model(image, model(keras)(dropped)).save(file)
    with pytest.raises(ModelError) as error:
        keras_format.load(contract(4), options(file))
    assert str(error.value) == (
        f"{file}: layer 'always' is called with training=True, so its answers at inference are "
        "those of training; expected a call without it: save the model again"
    )


def test_another_head_answers_for_the_datas_classes(keras: Any, tmp_path: Path) -> None:
    made, file = model(keras), tmp_path / "model.keras"
    made.save(file)
    found = keras_format.load(contract(7), options(file, head=Head.new))
    assert found.outputs[0].shape == (None, 7)
    assert np.array(found.get_layer("convolution").kernel) == pytest.approx(
        np.array(made.layers[1].kernel)
    )


def test_logits_become_probabilities(keras: Any, tmp_path: Path) -> None:
    made, file = model(keras, last=None), tmp_path / "model.keras"
    made.save(file)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    powers = np.exp(answers(made, images))
    found = keras_format.load(contract(4), options(file, Output.logits))
    assert answers(found, images) == pytest.approx(
        powers / powers.sum(axis=1, keepdims=True), abs=1e-6
    )


@pytest.mark.parametrize(
    ("last", "said", "told"),
    [
        (
            None,
            Output.probabilities,
            r"are no probabilities.*expected model\.imported\.output: logits",
        ),
        (
            "softmax",
            Output.logits,
            r"probabilities already; expected model\.imported\.output: probabilities",
        ),
        ("sigmoid", Output.probabilities, "scores each class independently"),
    ],
)
def test_an_output_that_is_not_what_the_recipe_says_is_refused(
    keras: Any, tmp_path: Path, last: str | None, said: Output, told: str
) -> None:
    model(keras, last=last).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=told):
        keras_format.load(contract(4), options(tmp_path / "model.keras", said))


@pytest.mark.parametrize(
    ("last", "said"), [("sigmoid", Output.probabilities), (None, Output.logits)]
)
def test_one_number_becomes_that_of_two_classes(
    keras: Any, tmp_path: Path, last: str | None, said: Output
) -> None:
    made, file = model(keras, 1, last), tmp_path / "model.keras"
    made.save(file)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    one = answers(made, images)[:, 0]
    chance = one if last else 1 / (1 + np.exp(-one))
    found = again(keras_format.load(contract(2), options(file, said)))
    assert answers(found, images) == pytest.approx(np.stack([1 - chance, chance], axis=1), abs=1e-6)
