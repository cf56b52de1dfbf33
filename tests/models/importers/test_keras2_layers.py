"""What each class of Keras 2 becomes in Keras 3, by version; all others are refused by name."""

from typing import Any

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import keras2, keras2_layers, keras3_layers, keras_layer_lists
from edgebake.models.importers.keras_source import Source

NEWEST = Source("net.h5", "2.15.0")
INSTEAD = (
    "import the model as a SavedModel instead: model.save('folder', save_format='tf') in Keras 2"
)


def converted(class_name: str, source: Source = NEWEST, **config: Any) -> tuple[str, Any]:
    return keras2_layers.convert(class_name, {"name": "a", **config}, source)


@pytest.mark.parametrize(
    ("version", "before"),
    [("2.15.0", False), ("2.7.0", False), ("2.6.0", True), ("2.2.4-tf", True), ("none", True)],
)
def test_versions_are_compared_as_numbers(version: str, before: bool) -> None:
    assert Source("net.h5", version).is_before(2, 7) is before


@pytest.mark.parametrize(
    "class_name", ["RandomFlip", "RandomHeight", "RandomZoom", "GaussianNoise"]
)
def test_an_inert_layer_becomes_an_identity(class_name: str) -> None:
    assert converted(class_name, factor=0.1) == ("Identity", {})


def test_random_crop_is_no_identity() -> None:
    assert converted("RandomCrop", height=24, width=20, seed=None) == (
        "Resizing",
        {
            "name": "a",
            "height": 24,
            "width": 20,
            "interpolation": "bilinear",
            "crop_to_aspect_ratio": True,
        },
    )
    for major in (2, 3):
        inert = keras_layer_lists.classes("inert", major)
        assert ("RandomCrop" in inert) is (major == 3)


@pytest.mark.parametrize(
    ("version", "class_name"), [("3.7.0", "Resizing"), ("3.8.0", "RandomCrop")]
)
def test_random_crop_of_keras_3_is_a_resizing_before_3_8(version: str, class_name: str) -> None:
    layer = {"class_name": "RandomCrop", "config": {"name": "a", "height": 2, "width": 3}}
    model = {"class_name": "Sequential", "config": {"layers": [layer]}}
    translated = keras3_layers.to_installed(model, Source("net.keras", version))
    assert translated["config"]["layers"][0]["class_name"] == class_name


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("LeakyReLU", {"alpha": 0.3}, ("LeakyReLU", {"negative_slope": 0.3})),
        ("ThresholdedReLU", {"theta": 0.4}, ("ReLU", {"threshold": 0.4})),
        ("BatchNormalizationV1", {"axis": [3]}, ("BatchNormalization", {"axis": 3})),
        ("Resizing", {"interpolation": "BILINEAR"}, ("Resizing", {"interpolation": "bilinear"})),
        (
            "GRU",
            {"time_major": False, "recurrent_activation": "sigmoid"},
            ("GRU", {"recurrent_activation": "sigmoid", "reset_after": False}),
        ),
        ("Conv1DTranspose", {"groups": 1}, ("Conv1DTranspose", {})),
        ("Dense", {"activation": "hard_sigmoid"}, ("Dense", {"activation": "hard_sigmoid"})),
    ],
)
def test_arguments_are_those_of_keras_3(class_name: str, config: Any, expected: Any) -> None:
    name, arguments = converted(class_name, **config)
    assert (name, arguments) == (expected[0], {"name": "a", **expected[1]})


@pytest.mark.parametrize(
    ("class_name", "version", "config", "message"),
    [
        (
            "RandomCrop",
            "2.6.0",
            {"height": 2, "width": 2},
            "layer 'a', RandomCrop, resizes at inference and crops then in Keras 2.6.0, and not in "
            "Keras 3",
        ),
        (
            "UpSampling2D",
            "2.2.4-tf",
            {"interpolation": "bilinear"},
            "layer 'a', UpSampling2D, is bilinear of Keras 2.2.4-tf, which may align other points",
        ),
        (
            "UpSampling2D",
            "2.15.0",
            {"interpolation": "gaussian"},
            "layer 'a', UpSampling2D, has the interpolation gaussian, which Keras 3 does not have",
        ),
        (
            "Resizing",
            "2.15.0",
            {"interpolation": "mitchellcubic"},
            "layer 'a', Resizing, has the interpolation mitchellcubic, which Keras 3 does not have",
        ),
        (
            "BatchNormalization",
            "2.15.0",
            {"axis": [1, 3]},
            "layer 'a', BatchNormalization, normalizes over the axes [1, 3], and in Keras 3 over "
            "one",
        ),
        (
            "DepthwiseConv2D",
            "2.15.0",
            {"groups": 2},
            "layer 'a', DepthwiseConv2D, has groups: 2, which Keras 3 does not compute",
        ),
        (
            "LSTM",
            "2.15.0",
            {"time_major": True, "recurrent_activation": "sigmoid"},
            "layer 'a', LSTM, has time_major: True, which Keras 3 does not compute",
        ),
        (
            "LSTM",
            "2.2.4",
            {"recurrent_activation": "hard_sigmoid"},
            "layer 'a' uses hard_sigmoid, which is another function in Keras 3 than in Keras 2",
        ),
        (
            "SimpleRNN",
            "2.15.0",
            {"activation": "hard_sigmoid"},
            "layer 'a' uses hard_sigmoid, which is another function in Keras 3 than in Keras 2",
        ),
        (
            "GRU",
            "2.0.0",
            {},
            "layer 'a', GRU, has no recurrent_activation, whose default is another in Keras 3",
        ),
        (
            "LocallyConnected2D",
            "2.15.0",
            {},
            "layer 'a' is a layer of Keras 2.15.0 that Keras 3 does not have: LocallyConnected2D",
        ),
    ],
)
def test_what_keras_3_computes_otherwise_is_refused_by_name(
    class_name: str, version: str, config: Any, message: str
) -> None:
    with pytest.raises(ModelError) as error:
        converted(class_name, Source("net.h5", version), **config)
    assert str(error.value) == f"net.h5: {message}; {INSTEAD}"


@pytest.mark.parametrize("wrapper", ["TimeDistributed", "Bidirectional"])
def test_hard_sigmoid_inside_another_layer_is_refused(wrapper: str) -> None:
    inner = {"class_name": "Dense", "config": {"name": "b", "activation": "hard_sigmoid"}}
    layer = {"class_name": wrapper, "config": {"name": "a", "layer": inner}}
    model = {"class_name": "Sequential", "config": {"name": "net", "layers": [layer]}}
    with pytest.raises(ModelError, match=r"^net\.h5: layer 'a' uses hard_sigmoid"):
        keras2.to_keras3(model, NEWEST)
