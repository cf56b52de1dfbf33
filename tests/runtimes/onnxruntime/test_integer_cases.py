"""Keras layers that TensorFlow writes in many operators quantize in ONNX Runtime.

Guards that strangers' layers become integers, or are refused with the words that let them through.
Slow: it starts TensorFlow and converts four models.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.float_fallback import FloatFallback
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Granularity
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from edgebake.stages.convert import MOVE_OPERATORS
from tests.contracts import image_contract

pytestmark = pytest.mark.slow

RUNTIME = load_runtime("onnxruntime")
CALIBRATION = Calibration("min_max", 16, 0)
SIDE = 16


def _prelu(layers: Any, x: Any) -> Any:
    x = layers.PReLU("random_normal", shared_axes=[1, 2])(x)
    return layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="tanh")(x)


def _upsampling(layers: Any, x: Any) -> Any:
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return layers.UpSampling2D(2)(layers.Conv2D(8, 3, activation="relu")(x))


def _group_norm(layers: Any, x: Any) -> Any:
    return layers.Conv2D(8, 3, activation="relu")(layers.GroupNormalization(4)(x))


def _convnext(layers: Any, x: Any) -> Any:
    inside = layers.Conv2D(8, 7, padding="same", groups=8)(x)
    inside = layers.LayerNormalization(epsilon=1e-6)(inside)
    inside = layers.Dense(32, activation="gelu")(inside)
    return layers.Add()([x, layers.Dense(8)(inside)])


CASES: dict[str, tuple[Any, list[str]]] = {
    "prelu": (_prelu, []),
    "upsampling": (_upsampling, ["Resize"]),
    "group_norm": (_group_norm, []),
    "convnext": (_convnext, ["Erf"]),
}


@pytest.mark.parametrize("name", CASES)
def test_it_quantizes_with_the_operators_in_float_that_the_refusal_names(name: str) -> None:
    block, kinds = CASES[name]
    keras = keras_session.start(1, 3)
    keras.backend.clear_session()
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = block(keras.layers, keras.layers.Conv2D(8, 3, padding="same")(image))
    x = keras.layers.GlobalMaxPooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(x))
    examples = np.random.default_rng(0).uniform(-1, 1, (16, SIDE, SIDE, 3)).astype(np.float32)
    quantized = _calibrated(keras_session.save(model), examples)
    if kinds:
        with pytest.raises(ConversionError) as caught:
            _convert(quantized)
        assert f"expected quantize.fallback: [{', '.join(kinds)}] or auto" in str(caught.value)
    files = _convert(replace(quantized, fallback=FloatFallback(tuple(kinds))))
    floats = set(RUNTIME.inspect_files(files).float_operators()) - MOVE_OPERATORS
    assert floats.issuperset(kinds)
    has_normalization = name in ("group_norm", "convnext")
    assert ("Sqrt" in floats) == has_normalization  # without a name in the recipe
    assert bool(floats) == (has_normalization or bool(kinds))
    expected = np.asarray(model(examples, training=False))
    answers = single_output(
        predictions(RUNTIME.load_session(files, 1), NamedExamples({"image": examples}))
    )
    assert float(np.sqrt(np.square(answers - expected).mean())) < 0.1 * float(expected.std())


def _calibrated(archive: bytes, examples: np.ndarray) -> QuantizedModel:
    """Return the model with the ranges of its values, and those of ONNX Runtime's graph."""
    ranges = calibration.calibrate(archive, {"image": examples}, CALIBRATION)
    granularity = Granularity.per_channel
    quantized = QuantizedModel(archive, "int8", "int8", "int8", granularity, ranges)
    file = RUNTIME.calibrated_file(quantized)
    assert file is not None
    ranges = calibration.with_ranges_of_file(ranges, file, {"image": examples}, CALIBRATION)
    return replace(quantized, ranges=ranges)


def _convert(quantized: QuantizedModel) -> dict[str, bytes]:
    labels = [f"class {number}" for number in range(10)]
    contract = image_contract(
        "classification", SIDE, SIDE, "rgb", "none", "bilinear", [127.5], [1 / 127.5], labels
    )
    about = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random weights")
    return dict(
        RUNTIME.convert_model(quantized, contract, ConvertParams("onnxruntime", about=about))
    )
