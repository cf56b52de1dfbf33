"""A model whose softplus gets values over 88 answers as Keras does in every scheme and runtime.

Guards that no file is compared with a reference that overflows as it does: LiteRT's converter wrote
log(exp(x) + 1), infinite above 88.7, and half of the answers were NaN.
Slow: it starts TensorFlow and converts a model in nine ways.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.compression.quantization import calibration
from edgebake.data.preprocessed import prepare
from edgebake.errors import ConversionError
from edgebake.models import basic_operators, keras_session
from edgebake.models.float_fallback import FloatFallback
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, CoreML, Granularity, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.interface import load_runtime
from edgebake.stages import convert_check
from edgebake.stages.convert_check import ConvertedModel
from tests.contracts import image_contract

pytestmark = pytest.mark.slow

LABELS = ["0", "1", "2", "3"]
CONTRACT = image_contract(
    "classification", 8, 8, "grayscale", "none", "bilinear", [0.0], [1.0], [*"0123"]
)
WEIGHTS = {"none": "float32", "float16": "float16", "dynamic": "int8", "int8": "int8"}
ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "softplus")


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    """Images of 64 pixels, one of whose quarters is bright."""
    random = np.random.default_rng(0)
    images = random.integers(0, 60, (40, 8, 8, 1), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number % 4, 2)
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 150
    return images


def _archive(activation: str) -> bytes:
    """Return a model that classifies the bright quarter; half of its activations get 80 to 200."""
    keras = keras_session.start(1, seed=1)
    sign = -1 if activation == "log_sigmoid" else 1
    image = keras.Input((8, 8, 1), name="image")
    means = keras.layers.AveragePooling2D(4)(image)
    flat = keras.layers.Flatten()(means)
    hidden = keras.layers.Activation(activation)(keras.layers.Rescaling(float(sign))(flat))
    outputs = keras.layers.Dense(4, activation="softmax")
    model = keras.Model(image, outputs(hidden))
    outputs.set_weights([sign * np.eye(4) * 0.05, np.zeros(4)])
    return keras_session.save(model)


def _check(archive: bytes, runtime: str, scheme: str, pixels: NDArray[np.uint8]) -> float:
    """Return the share of images with Keras' class, after the checks of convert."""
    quantized = QuantizedModel(archive, scheme, WEIGHTS[scheme], "float32")
    if scheme == "int8":
        images = CONTRACT.image.normalize(pixels)
        ranges = calibration.calibrate(archive, {"image": images}, Calibration("min_max", 40, 0))
        quantized = replace(
            quantized, activations="int8", granularity=Granularity.per_channel, ranges=ranges
        )
        if runtime == "onnxruntime":  # it has no integer kernel for softplus
            quantized = replace(quantized, fallback=FloatFallback(("auto",), 0.1))
    options = ConvertParams(runtime=runtime, about=ABOUT, ort_format=False, reduce_range=False)
    if runtime == "coreml":
        precision = Precision.float32 if scheme == "none" else Precision.float16
        options.coreml = CoreML("iOS18", precision, [], None)
    files = load_runtime(runtime).convert_model(quantized, CONTRACT, options)
    converted = ConvertedModel(
        variant="softplus",
        file=RuntimeFile("the file", runtime, files),
        input_dtypes={"image": load_runtime(runtime).inspect_files(files).input.dtype},
        output="probabilities",
        source=quantized,
        float_dtype=convert_check.float_dtype(quantized, options),
    )
    comparison = convert_check.check_predictions(converted, prepare(list(pixels[..., 0]), CONTRACT))
    return comparison.same / comparison.n


@pytest.mark.parametrize(
    ("activation", "runtime", "schemes"),
    [
        ("softplus", "litert", ("none", "float16", "dynamic", "int8")),
        ("softplus", "onnxruntime", ("none", "int8")),
        ("softplus", "coreml", ("float16",)),
        ("log_sigmoid", "litert", ("none", "dynamic")),
    ],
)
def test_every_scheme_answers_as_keras(
    activation: str, runtime: str, schemes: tuple[str, ...], pixels: NDArray[np.uint8]
) -> None:
    archive = _archive(activation)
    for scheme in schemes:
        assert _check(archive, runtime, scheme, pixels) >= 0.95, scheme


@pytest.mark.parametrize("scheme", ["none", "dynamic"])
def test_a_converter_that_writes_the_overflowing_form_is_refused_by_the_operator(
    scheme: str, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basic_operators, "OVERFLOWING_IN_LITERT", ())
    with pytest.raises(ConversionError) as refused:
        _check(_archive("softplus"), "litert", scheme, pixels)
    message = str(refused.value)
    assert message.startswith("the file: LiteRT answers NaN or infinity for 40 of 40 examples; ")
    assert "the first value that is not finite is of EXP 'functional" in message


def test_calibration_refuses_an_activation_that_is_infinite(tmp_path: Path) -> None:
    keras = keras_session.start(1)
    image = keras.Input((8, 8, 1), name="image")
    flat = keras.layers.Flatten()(image)
    large = keras.layers.Activation("exponential", name="grow")(flat)
    outputs = keras.layers.Dense(4, activation="softmax")(large)
    archive = keras_session.save(keras.Model(image, outputs))
    images = np.full((2, 8, 8, 1), 200, np.float32)
    with pytest.raises(ConversionError) as refused:
        calibration.calibrate(archive, {"image": images}, Calibration("min_max", 2, 0))
    message = str(refused.value)
    assert message.startswith("activation 'functional")
    assert message.endswith(
        "/Exp' of the model is NaN or infinite for a calibration sample, so it has no range; "
        "expected finite numbers. A scheme whose activations stay in float needs no ranges: "
        "float16 or dynamic"
    )
