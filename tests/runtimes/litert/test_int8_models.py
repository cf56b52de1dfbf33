"""Models that int8 of LiteRT refused as a whole are int8 files that answer as Keras does.

Guards that one operator without an integer kernel, or a value that only the converter knows, does
not stop a model, and that the recipe's words decide what stays in float.
Slow: it starts TensorFlow, calibrates and converts small models.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.float_fallback import FloatFallback
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Convert, Granularity
from edgebake.runtimes import litert
from edgebake.runtimes.litert import run
from edgebake.runtimes.litert.calibrated_model import CalibratedModel
from edgebake.runtimes.litert.encoders import integer
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.session import NamedExamples, predictions, single_output

pytestmark = pytest.mark.slow

SIDE = 8
IMAGES = np.random.default_rng(0).uniform(-1, 1, (40, SIDE, SIDE, 3)).astype(np.float32)
OPTIONS = Calibration("min_max", len(IMAGES), 0)


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1, 0)


def _classifier(keras: Any, middle: Any) -> bytes:
    """Return a model with the given layers between a convolution and the head."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = middle(layers.Conv2D(32, 3, padding="same", name="first")(image))
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(32, 3, name="last")(x))
    outputs = layers.Dense(10, activation="softmax", name="answer")(x)
    return keras_session.save(keras.Model(image, outputs))


def _quantized(archive: bytes, fallback: FloatFallback) -> tuple[bytes, Any]:
    """Return the int8 file and the probabilities of Keras."""
    ranges = calibration.calibrate(archive, {"image": IMAGES}, OPTIONS)
    model = QuantizedModel(
        archive, "int8", "int8", "int8", Granularity.per_channel, ranges, fallback=fallback
    )
    source = keras_session.load(archive)
    float_file = CalibratedModel.from_source(source, ranges)
    completed = calibration.with_ranges_of_file(ranges, float_file, {"image": IMAGES}, OPTIONS)
    file = integer.encode(source, replace(model, ranges=completed), Convert(runtime="litert"))
    return file, np.asarray(source(IMAGES))


def _float_operators(file: bytes) -> list[str]:
    return inspect({litert.FILE: file}).float_operators()


def _largest_difference(file: bytes, expected: Any) -> float:
    answers = single_output(
        predictions(run.load({litert.FILE: file}, 1), NamedExamples({"image": IMAGES}))
    )
    return float(np.abs(answers - expected).max())


def _prelu(keras: Any) -> Any:
    slopes = keras.initializers.RandomUniform(-0.5, 1, seed=1)
    return keras.layers.PReLU(slopes, shared_axes=[1, 2], name="slopes")


def test_prelu_is_int8(keras: Any) -> None:
    file, expected = _quantized(_classifier(keras, _prelu(keras)), FloatFallback())
    assert _float_operators(file) == []
    assert _largest_difference(file, expected) < 0.02


@pytest.mark.parametrize("interpolation", ["nearest", "bicubic"])
def test_upsampling_is_int8(keras: Any, interpolation: str) -> None:
    """Bicubic resizing is two products of a constant and the image, in this order."""
    layer = keras.layers.UpSampling2D(name="up", interpolation=interpolation)
    archive = _classifier(keras, layer)
    file, expected = _quantized(archive, FloatFallback())
    assert _float_operators(file) == []
    assert _largest_difference(file, expected) < 0.02


@pytest.mark.parametrize(
    ("normalization", "options"),
    [("GroupNormalization", {"groups": 4}), ("LayerNormalization", {}), ("RMSNormalization", {})],
)
def test_normalizations_are_in_float(
    keras: Any, normalization: str, options: dict[str, int]
) -> None:
    layer = getattr(keras.layers, normalization)(name="norm", **options)
    file, expected = _quantized(_classifier(keras, layer), FloatFallback())
    floats = _float_operators(file)
    assert floats.count("RSQRT") == 1
    normalizations = inspect({litert.FILE: file}).normalizations
    others = Counter(floats) - Counter(normalizations)
    assert set(others) <= {"DEQUANTIZE", "QUANTIZE", "RESHAPE", "TRANSPOSE"}
    assert _largest_difference(file, expected) < 0.02


def test_a_layer_stays_in_float_between_casts(keras: Any) -> None:
    layer = keras.layers.ReLU(name="relu", negative_slope=0.1)
    file, expected = _quantized(_classifier(keras, layer), FloatFallback(("layer:relu",)))
    assert _float_operators(file) == ["DEQUANTIZE", "LEAKY_RELU", "QUANTIZE"]
    assert _largest_difference(file, expected) < 0.02


def test_prelu_stays_in_float_where_the_recipe_names_it(keras: Any) -> None:
    file, expected = _quantized(_classifier(keras, _prelu(keras)), FloatFallback(("PRELU",)))
    assert _float_operators(file) == ["DEQUANTIZE", "PRELU", "QUANTIZE"]
    assert _largest_difference(file, expected) < 0.02


def test_an_operator_without_a_kernel_is_refused_until_the_recipe_names_it(keras: Any) -> None:
    archive = _classifier(keras, keras.ops.sin)
    with pytest.raises(ConversionError) as raised:
        _quantized(archive, FloatFallback())
    assert str(raised.value) == (
        "no int8 kernel for: 1 SIN (Sin), 0.0 % of the multiply-accumulates; expected "
        "quantize.fallback: [SIN] or auto: they compute in float between casts"
    )
    file, expected = _quantized(archive, FloatFallback(("auto",)))
    assert set(_float_operators(file)) == {"DEQUANTIZE", "SIN", "QUANTIZE"}
    assert _largest_difference(file, expected) < 0.02


def test_convolutions_in_float_are_more_than_a_tenth(keras: Any) -> None:
    archive = _classifier(keras, keras.layers.ReLU(name="relu"))
    with pytest.raises(ConversionError, match=r"2 CONV_2D .*; expected at most 10%"):
        _quantized(archive, FloatFallback(("CONV_2D",)))
