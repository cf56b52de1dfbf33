"""Quantized models that LiteRT does not survive, among the candidates of `mixed`."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from edgebake.compression.quantization import sensitivity
from edgebake.compression.quantization.sensitivity import LabeledExamples
from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import ActivationRange
from edgebake.recipe import Granularity
from edgebake.runtimes.litert import quantizer
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, Layer
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.session import NamedExamples
from tests import handmade

CLASS = 3
RANGE = ActivationRange("x", 0, 1, 0, 1, 0, 1, 0, 1, ())
GOOD = Layer("good", "FULLY_CONNECTED", "good", RANGE, [])
BAD = Layer("bad", "FULLY_CONNECTED", "bad", RANGE, [])
OPTIONS = IntegerOptions("int8", Granularity.per_channel)
IMAGES = LabeledExamples(
    NamedExamples({"image": np.zeros((2, 32, 32, 1), np.float32)}), np.array([CLASS, CLASS])
)


def model(content: bytes) -> CalibratedModel:
    return cast("CalibratedModel", SimpleNamespace(model=content, layers=[GOOD, BAD]))


@pytest.fixture(autouse=True)
def quantized(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantize to files that LiteRT runs only if the layer `bad` stays as it is."""

    def quantize_integers(_: CalibratedModel, options: IntegerOptions) -> bytes:
        is_left_out = options.only_tensors is not None and BAD.tensor not in options.only_tensors
        if is_left_out or BAD.tensor in options.fallback_tensors:
            return handmade.constant_tflite(CLASS)
        return handmade.tflite_without_weights()

    monkeypatch.setattr(quantizer, "quantize_integers", quantize_integers)


def test_a_layer_that_litert_does_not_survive_is_the_most_sensitive(
    capfd: pytest.CaptureFixture[str],
) -> None:
    calibrated = model(handmade.constant_tflite(CLASS))
    worst, best = sensitivity.layer_sensitivities(calibrated, OPTIONS, IMAGES)
    assert (worst.layer, worst.signal_to_noise_db, worst.accuracy_drop) == (BAD, -np.inf, 1.0)
    assert (best.layer, best.signal_to_noise_db, best.accuracy_drop) == (GOOD, np.inf, 0.0)
    assert "model.tflite: LiteRT " in capfd.readouterr().err  # the log of the stage


def test_a_layer_that_litert_does_not_survive_is_a_fallback_layer() -> None:
    calibrated = model(handmade.constant_tflite(CLASS))
    assert sensitivity.fallback_layers(calibrated, OPTIONS, IMAGES, min_accuracy=1.0) == [BAD]


def test_a_float_model_that_litert_does_not_survive_is_an_error() -> None:
    with pytest.raises(ConversionError, match=r"^model\.tflite: LiteRT "):
        sensitivity.accuracy(model(handmade.tflite_without_weights()), IMAGES)
