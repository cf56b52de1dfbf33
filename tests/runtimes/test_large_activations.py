"""Every activation of Keras gives Keras' own numbers from -10,000 to 10,000 in every runtime.

Guards that no converter writes an activation as operators that overflow where Keras does not.
Slow: it starts TensorFlow and converts a model for each runtime.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import CoreML, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from tests.contracts import image_contract

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.slow

# No functions of one tensor of any size.
OTHERS = {"deserialize", "get", "glu", "serialize", "threshold"}
INFINITE = {"exponential"}  # in Keras too, above 88.7
PIXELS = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "activations")


@pytest.fixture(scope="module")
def activations() -> list[str]:
    """The names of all activations."""
    keras = keras_session.start(1)
    names = []
    for name, function in vars(keras.activations).items():
        if callable(function) and name not in OTHERS | INFINITE:
            names.append(name)
    assert {"softplus", "log_sigmoid", "mish", "selu", "celu", "squareplus"} <= set(names)
    return sorted(names)


def _model(activations: list[str]) -> "keras.Model":
    """Return a model of 256 pixels, each as -10,000 to 10,000 and as -12.75 to 12.75."""
    import keras

    image = keras.Input((16, 16, 1), name="image")
    flat = keras.layers.Flatten()(image)
    wide = keras.layers.Rescaling(1e4 / 127.5, -1e4)(flat)
    narrow = keras.layers.Rescaling(0.1, -12.75)(flat)
    outputs = []
    for name in activations:
        outputs.append(keras.layers.Activation(name)(wide))
        outputs.append(keras.layers.Activation(name)(narrow))
    return keras.Model(image, keras.layers.Concatenate()(outputs))


def _answers(model: "keras.Model", runtime: str) -> NDArray[np.float32]:
    labels = [str(number) for number in range(model.outputs[0].shape[-1])]
    contract = image_contract(
        "classification", 16, 16, "grayscale", "none", "bilinear", [0.0], [1.0], labels
    )
    quantized = QuantizedModel(keras_session.save(model), "none", "float32", "float32")
    options = ConvertParams(runtime=runtime, about=ABOUT, ort_format=False)
    if runtime == "coreml":
        options.coreml = CoreML("iOS18", Precision.float32, [], None)
    files = load_runtime(runtime).convert_model(quantized, contract, options)
    session = load_runtime(runtime).load_session(files, 1)
    pixels: NDArray[Any] = PIXELS if runtime == "coreml" else PIXELS.astype(np.float32)
    return single_output(predictions(session, NamedExamples({"image": pixels})))


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime", "coreml"])
def test_activations_are_those_of_keras(activations: list[str], runtime: str) -> None:
    model = _model(activations)
    expected = np.asarray(model(PIXELS.astype(np.float32)))
    assert np.isfinite(expected).all()
    answers = _answers(model, runtime)
    assert np.isfinite(answers).all()
    errors = np.abs(answers - expected) / np.maximum(1, np.abs(expected))
    worst = errors.reshape(len(activations), -1).max(axis=1)
    # squareplus of -10,000 is the small difference of two large numbers.
    assert dict(zip(activations, worst, strict=True)) == pytest.approx(
        dict.fromkeys(activations, 0), abs=1e-3
    )
