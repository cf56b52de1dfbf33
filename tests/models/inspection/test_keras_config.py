"""Configs of Keras 2 and 3, read as JSON: no Keras is asked."""

import json
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from edgebake.errors import ModelError
from edgebake.models.inspection import file, usability
from edgebake.models.inspection.model_info import PixelScaling


def layer(kind: str, name: str, before: str | None = None, **config: Any) -> dict[str, Any]:
    """A layer as Keras 2 writes it, called on the one before."""
    calls = [[[before, 0, 0, config.pop("called", {})]]] if before else []
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": calls,
    }


def keras2(path: Path, *layers: dict[str, Any]) -> Path:
    """A file of Keras 2.15 with these layers and 30 weights, beside 90 of an optimizer."""
    ends = {
        "input_layers": [[layers[0]["name"], 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, 0]],
    }
    config = {
        "class_name": "Functional",
        "config": {"name": "model", "layers": list(layers), **ends},
    }
    with h5py.File(path, "w") as store:
        store.attrs.update({"keras_version": "2.15.0", "model_config": json.dumps(config)})
        store["model_weights/dense/kernel:0"] = np.zeros((5, 6), np.float32)
        store["optimizer_weights/m"] = np.zeros(90, np.float32)
    return path


def image(*sizes: int | None) -> dict[str, Any]:
    return layer("InputLayer", "photo", batch_input_shape=[None, *sizes], dtype="float32")


def test_a_file_of_keras_2_says_its_ends_weights_and_layers(tmp_path: Path) -> None:
    found = file.inspect_file(
        keras2(
            tmp_path / "old.h5",
            image(48, 64, 3),
            layer("Conv2D", "conv", "photo", filters=8, activation="relu"),
            layer("GlobalAveragePooling2D", "pool", "conv"),
            layer("Dense", "dense", "pool", units=6, activation="softmax"),
        )
    )
    assert (found.format, found.container, found.producer) == ("keras", "HDF5", "Keras 2.15.0")
    assert found.inputs[0].name == "photo"
    assert found.image == (48, 64, 3)
    assert (found.classes, found.output, found.parameters) == (6, "probabilities", 30)
    assert found.operator_counts == {"Conv2D": 1, "GlobalAveragePooling2D": 1, "Dense": 1}
    assert found.pixel_scaling is None


def test_arithmetic_of_tensorflow_in_front_is_preprocessing(tmp_path: Path) -> None:
    found = file.inspect_file(
        keras2(
            tmp_path / "old.h5",
            image(32, 32, 3),
            layer(
                "TFOpLambda",
                "by",
                "photo",
                function="math.truediv",
                called={"y": 127.5, "name": None},
            ),
            layer(
                "TFOpLambda",
                "less",
                "by",
                function="math.subtract",
                called={"y": 1.0, "name": None},
            ),
            layer("Dense", "dense", "less", units=2, activation="linear"),
        )
    )
    assert found.preprocessing == ("by: divide: x * 0.00784314", "less: x - 1")
    assert found.pixel_scaling == PixelScaling(
        (0.0,), (1.0,), "it scales pixels of 0 to 255 itself"
    )
    assert found.output == "logits"


def test_normalization_by_imagenet_takes_pixels_of_0_to_1(tmp_path: Path) -> None:
    values = {"mean": [0.485, 0.456, 0.406], "variance": [0.229**2, 0.224**2, 0.225**2]}
    normal = layer("Normalization", "normal", "photo", **values)
    found = file.inspect_file(
        keras2(
            tmp_path / "old.h5", image(32, 32, 3), normal, layer("Dense", "d", "normal", units=9)
        )
    )
    assert found.pixel_scaling == PixelScaling(
        (0.0,), (1 / 255,), "it scales pixels of 0 to 1 itself"
    )


def test_the_first_layer_that_learns_ends_preprocessing(tmp_path: Path) -> None:
    layers = [
        layer("Conv2D", "conv", "photo", filters=3),
        layer("Rescaling", "late", "conv", scale=1 / 255, offset=0),
    ]
    found = file.inspect_file(keras2(tmp_path / "old.h5", image(32, 32, 3), *layers))
    assert found.preprocessing == ()
    assert found.pixel_scaling is None


@pytest.mark.parametrize(
    ("last", "answer"),
    [
        ([layer("Dense", "d", "photo", units=1, activation="sigmoid")],
         (2, "sigmoid", "probabilities")),
        ([layer("Dense", "d", "photo", units=4),
          layer("Activation", "a", "d", activation="softmax")],
         (4, "softmax", "probabilities")),
        ([layer("Conv2D", "c", "photo", filters=7), layer("Reshape", "r", "c", target_shape=[7]),
          layer("Softmax", "s", "r")], (7, "softmax", "probabilities")),
        ([layer("Dense", "d", "photo", units=4, activation="tanh")], (4, "tanh", None)),
        ([layer("Flatten", "f", "photo"), layer("Concatenate", "c", "f")], (None, None, None)),
    ],
)  # fmt: skip
def test_answers_are_told_by_the_last_layers(
    tmp_path: Path, last: list[dict[str, Any]], answer: tuple[Any, ...]
) -> None:
    found = file.inspect_file(keras2(tmp_path / "old.h5", image(8, 8, 1), *last))
    assert (found.classes, found.final_activation, found.output) == answer


def test_code_and_classes_of_others_are_named(tmp_path: Path) -> None:
    brings = layer("Lambda", "mine", "photo", function=["4wEA", None, None])
    found = file.inspect_file(
        keras2(tmp_path / "a.h5", image(8, 8, 1), brings, layer("Dense", "d", "mine", units=2))
    )
    assert found.code_risk is not None
    assert "layer 'mine' is a Lambda" in found.code_risk
    assert found.unsupported is None
    theirs = {
        **layer("Swin", "block", "photo"),
        "module": "their.models",
        "registered_name": "Their>Swin",
    }
    found = file.inspect_file(keras2(tmp_path / "b.h5", image(8, 8, 1), theirs))
    assert found.unsupported is not None
    assert "'Swin'" in found.unsupported


def test_weights_alone_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as store:
        store.attrs["layer_names"] = [b"dense"]
        store["dense/kernel:0"] = np.zeros((2, 2), np.float32)
    with pytest.raises(
        ModelError, match=r"weights.h5: holds only weights; expected a whole model: model.save"
    ):
        file.inspect_file(tmp_path / "weights.h5")


def test_a_layer_that_keras_3_computes_otherwise_is_named(tmp_path: Path) -> None:
    crop = layer("UpSampling2D", "larger", "photo", interpolation="gaussian")
    found = file.inspect_file(keras2(tmp_path / "old.h5", image(8, 8, 1), crop))
    assert found.unsupported == (
        "layer 'larger', UpSampling2D, has the interpolation gaussian, which Keras 3 does not "
        "have; import the model as a SavedModel instead: model.save('folder', save_format='tf') "
        "in Keras 2"
    )


@pytest.mark.parametrize(
    ("last_layers", "shape"),
    [
        ([("Conv2D", {"filters": 2, "activation": "softmax"})], (None, None, None, 2)),
        ([("Dense", {"units": 2}), ("Softmax", {})], (None, None, None, 2)),
        ([("Flatten", {}), ("Dense", {"units": 2})], (None, 2)),
        ([("Reshape", {"target_shape": [2]}), ("Softmax", {})], (None, 2)),
        ([("GlobalAveragePooling2D", {}), ("Dense", {"units": 2})], (None, 2)),
    ],
)
def test_an_answer_for_each_pixel_is_no_classifier(
    tmp_path: Path, last_layers: list[tuple[str, dict[str, Any]]], shape: tuple[int | None, ...]
) -> None:
    layers = [image(24, 24, 3), layer("Conv2D", "conv", "photo", filters=8)]
    for class_name, config in last_layers:
        layers.append(layer(class_name, class_name.lower(), layers[-1]["name"], **config))
    info = file.inspect_file(keras2(tmp_path / "old.h5", *layers))
    assert info.outputs[0].shape == shape
    refusal = None
    if len(shape) > 2:
        refusal = (
            "returns [n, any, any, 2], answers for each place of the image; edgebake imports image "
            "classifiers so far: expected [n, classes]"
        )
    assert usability.refusal(info) == refusal
