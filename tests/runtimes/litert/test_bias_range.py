"""Biases of channels without weights survive quantization to int8."""

import numpy as np
import pytest

from edgebake.models.activation_ranges import ActivationRanges, fingerprint
from edgebake.models.tflite import tables
from edgebake.recipe import Granularity
from edgebake.runtimes.litert import FILE, quantizer, run
from edgebake.runtimes.litert.bias_range import weights_that_fit_bias
from edgebake.runtimes.litert.calibrated_model import CalibratedModel
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from tests.runtimes.litert.programs import Op, files
from tests.runtimes.onnxruntime.programs import range_of

STEP = 0.04  # of the input
KINDS = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]


def _model(kind: str) -> bytes:
    """Return two channels, of which the second has a bias of 0.9 and no weights."""
    bias = np.array([0.1, 0.9], np.float32)
    weights = np.array([[0.5, -0.25], [1e-34, 0.0]], np.float32)
    if kind == "FULLY_CONNECTED":
        operator = Op(kind, ["image", "weights", "bias"], "answer", "FullyConnectedOptions")
        tensors = {"image": ("float32", [1, 2]), "answer": ("float32", [1, 2])}
        return files([operator], tensors, {"weights": weights, "bias": bias})[FILE]
    shape = (1, 1, 1, 2)
    by_kind = {"CONV_2D": weights.reshape(2, 1, 1, 2), "DEPTHWISE_CONV_2D": weights[:, :1]}
    options = {"strideH": 1, "strideW": 1}
    options_type = "Conv2DOptions"
    if kind == "DEPTHWISE_CONV_2D":
        options_type = "DepthwiseConv2DOptions"
        options["depthMultiplier"] = 1
    operator = Op(kind, ["image", "weights", "bias"], "answer", options_type, options)
    stored = by_kind[kind].reshape(shape) if kind == "DEPTHWISE_CONV_2D" else by_kind[kind]
    tensors = {"image": ("float32", [*shape]), "answer": ("float32", [*shape])}
    return files([operator], tensors, {"weights": stored, "bias": bias})[FILE]


@pytest.mark.parametrize("activations", ["int8", "int16"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_without_weights_answers_with_its_bias(kind: str, activations: str) -> None:
    model = _model(kind)
    shape = tuple(tables.parse(model).subgraphs[0].tensors[0].shape)
    images = np.random.default_rng(0).uniform(-1, 1, (8, *shape[1:])).astype(np.float32)
    expected = single_output(
        predictions(run.load({FILE: model}, 1), NamedExamples({"image": images}))
    )
    entries = []
    for name, values in {"image": images, "answer": expected}.items():
        arrays = [value[None] for value in values]
        entry = range_of(name, arrays)
        entries.append(entry)
    ranges = ActivationRanges(entries, {"image": images[:4]})
    assert fingerprint([images[:4]]) == entries[0].fingerprint
    options = IntegerOptions(activations, Granularity.per_channel)
    quantized = quantizer.quantize_integers(CalibratedModel(model, ranges), options)
    answers = single_output(
        predictions(run.load({FILE: quantized}, 1), NamedExamples({"image": images}))
    )
    np.testing.assert_allclose(answers, expected, atol=0.01)


def test_channels_with_weights_are_left_alone() -> None:
    weights = np.array([[0.5, -0.25], [1e-3, 0.0]], np.float32)
    assert weights_that_fit_bias(weights, np.array([3.0, -2.0], np.float32), STEP) is None


@pytest.mark.parametrize("smallest", [0.0, 1e-34, -1e-34])
def test_the_bias_of_a_channel_without_weights_fits_and_is_almost_all_of_it(
    smallest: float,
) -> None:
    weights = np.array([[0.5, -0.25], [0.0, smallest]], np.float32)
    raised = weights_that_fit_bias(weights, np.array([3.0, 0.9], np.float32), STEP)
    assert raised is not None
    np.testing.assert_array_equal(raised[0], weights[0])
    peak = float(np.abs(raised[1]).max())
    assert peak == pytest.approx(0.9 * 127 / (STEP * 2**30))
    bias_step = STEP * peak / 127
    assert 0.9 / bias_step == pytest.approx(2**30)
    largest_input = 255 * STEP
    assert peak * largest_input < 0.9 / 30_000
    assert (raised[1].min() < 0) == (smallest < 0)
