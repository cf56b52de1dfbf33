"""Models that once failed: mixed precision, attention with exact GELU, a frozen head."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.models import keras_session
from edgebake.models.importers import keras as form
from edgebake.models.onnx import float_graph
from edgebake.recipe import Calibration
from edgebake.runtimes.litert import FILE, run
from edgebake.runtimes.litert.calibrated_model import to_float_tflite
from edgebake.runtimes.onnxruntime import run as onnx_runtime
from edgebake.runtimes.session import single_output
from edgebake.training import loop
from tests.models.importers import graphs


@pytest.fixture(scope="module")
def attentive() -> Any:
    """A transformer of two heads over four patches."""
    keras = keras_session.start(1, 0)
    image = keras.Input((graphs.SIDE, graphs.SIDE, 3), name="image")
    x = keras.layers.Conv2D(8, 6, strides=6)(image)
    x = keras.layers.Reshape((4, 8))(x)
    y = keras.layers.LayerNormalization()(x)
    x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(2, 4)(y, y)])
    x = keras.layers.Dense(
        8, activation=lambda value: keras.activations.gelu(value, approximate=False)
    )(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(image, keras.layers.Dense(graphs.CLASSES, "softmax")(x))


def _answers(session: Any, pictures: Any) -> Any:
    found = []
    for picture in pictures:
        session.feed({"image": picture[None]})
        session.invoke()
        found.append(single_output(session.read())[0].copy())
    return np.stack(found)


def test_exact_gelu_goes_to_onnx_runtime(attentive: Any) -> None:
    pictures = graphs.pictures(4)
    file = float_graph.export_keras(attentive).SerializeToString()
    found = _answers(onnx_runtime.load({"model.onnx": file}, 1), pictures)
    np.testing.assert_allclose(found, attentive(pictures, training=False), atol=1e-5)


def test_attention_is_calibrated_whatever_the_last_batch_holds(attentive: Any) -> None:
    archive = keras_session.save(_plain(attentive))
    ranges = calibration.calibrate(
        archive, {"image": graphs.pictures(23)}, Calibration("min_max", 23, 0)
    )
    assert min(one.high - one.low for one in ranges.entries if one.name.endswith("Softmax")) > 0


def _plain(model: Any) -> Any:
    """Return the model with GELU by its name, which a file can hold."""
    for layer in model.layers:
        if getattr(getattr(layer, "activation", None), "__name__", "") == "<lambda>":
            import keras

            layer.activation = keras.activations.gelu
    return model


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_for_training_alone(tmp_path: Path, policy: str) -> None:
    plain = graphs.keras_model()
    import keras

    mixed = keras.models.clone_model(plain)
    for layer in mixed.layers:
        layer.dtype_policy = policy
    mixed.set_weights(plain.get_weights())
    mixed.save(tmp_path / "mixed.keras")
    read = form.load(graphs.contract(), graphs.options(tmp_path / "mixed.keras"))
    assert {layer.compute_dtype for layer in read.layers} == {"float32"}
    pictures = graphs.pictures(3)
    np.testing.assert_allclose(
        read(pictures, training=False), plain(pictures, training=False), atol=1e-5
    )
    found = _answers(run.load({FILE: to_float_tflite(read)}, 1), pictures)
    np.testing.assert_allclose(found, plain(pictures, training=False), atol=1e-5)
    assert loop.predictions(read, pictures).dtype == np.float32
