"""A program that takes any number of images becomes one for a single image."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import tflite as form
from edgebake.models.importers import tflite_graph
from edgebake.models.quantized_model import QuantizedModel
from edgebake.models.tflite import tables
from edgebake.recipe import Calibration, Convert, Granularity
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.litert import FILE, convert, inspect
from tests.models.importers import graphs

ABOUT = ReleaseInfo("net", "1.0.0", "", "", "")
CONVERT = Convert(runtime="litert", input=None, output=None, ort_format=False, coreml=None)


@pytest.fixture(scope="module")
def model() -> Any:
    """A model with a layer that asks how many images there are."""
    keras = keras_session.start(1, 0)
    image = keras.Input((graphs.SIDE, graphs.SIDE, 3), name="image")
    x = keras.layers.Conv2D(8, 3, strides=3, activation="relu", name="stem")(image)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(image, keras.layers.Dense(graphs.CLASSES, "softmax", name="dense")(x))


@pytest.fixture(scope="module")
def file(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As everybody converts: from_keras_model leaves the batch open."""
    import tensorflow

    path = tmp_path_factory.mktemp("open") / "net.tflite"
    path.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


def _kinds(archive: bytes) -> Counter[str]:
    return Counter(operator.name for operator in inspect.inspect({FILE: archive}).operators)


def test_what_asks_for_a_size_is_computed_once(file: Path, model: Any) -> None:
    assert "SHAPE" in _kinds(file.read_bytes())
    archive = form.load(graphs.contract(), graphs.options(file))
    assert _kinds(archive) == {"CONV_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1}
    answer = graphs.image_predictor(form, archive)
    for image in graphs.pictures(3):
        np.testing.assert_allclose(
            answer(image[None]), np.asarray(model(image[None], training=False)), atol=1e-5
        )


def test_all_of_it_becomes_integers(file: Path) -> None:
    archive = form.load(graphs.contract(), graphs.options(file))
    ranges = calibration.calibrate(
        archive, {"image": graphs.pictures()}, Calibration("min_max", 24, 0), "tflite"
    )
    quantized = QuantizedModel(
        archive, "int8", "int8", "int8", Granularity.per_channel, ranges, format="tflite"
    )
    found = inspect.inspect(convert.convert(quantized, graphs.contract(), ABOUT, CONVERT))
    assert found.float_operators() == []


def test_each_tensor_has_a_name_of_its_own_without_spaces(tmp_path: Path) -> None:
    content = tables.parse(graphs.tflite(tmp_path / "net.tflite").read_bytes())
    for tensor in content.subgraphs[0].tensors:
        tensor.name = b"a layer"
    tflite_graph.fix_shapes(content, {b"a_layer"})
    names = [tensor.name for tensor in content.subgraphs[0].tensors]
    assert len(set(names)) == len(names)
    assert not any(b" " in name or name == b"a_layer" for name in names)


def test_a_file_that_names_parts_that_it_lacks_is_damaged(tmp_path: Path) -> None:
    file = graphs.tflite(tmp_path / "net.tflite")
    content = tables.parse(file.read_bytes())
    content.subgraphs[0].operators[0].inputs = [999]
    file.write_bytes(tables.serialize(content))
    with pytest.raises(ModelError, match="it names tensor 999 and has 16"):
        form.load(graphs.contract(), graphs.options(file))
