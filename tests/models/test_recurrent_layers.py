"""Recurrent layers are refused by name where a runtime would fail without one."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration
from edgebake.errors import ConversionError
from edgebake.models import keras_session, recurrent_layers
from edgebake.recipe import Calibration

WAY_OUT = "expected a convolution over time (Conv2D of height 1), or"


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def model(keras: Any, layer: Any) -> Any:
    signal = keras.Input((6, 3), name="signal")
    return keras.Model(signal, layer(signal))


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "SimpleRNN"])
def test_a_loop_is_refused_by_the_name_of_its_layer(keras: Any, kind: str) -> None:
    made = model(keras, getattr(keras.layers, kind)(4, name="memory"))
    with pytest.raises(ConversionError) as caught:
        recurrent_layers.refuse_loops(made)
    assert str(caught.value) == (
        f"layer 'memory': {kind} is a loop, which ONNX Runtime and Core ML do not load and no "
        f"runtime computes in integers; {WAY_OUT} unroll=True for a few steps in floats"
    )


def test_both_directions_of_a_layer_are_one_layer(keras: Any) -> None:
    layers = keras.layers
    made = model(keras, layers.Bidirectional(layers.GRU(4), name="memory"))
    with pytest.raises(ConversionError, match=r"^layer 'memory': GRU is a loop"):
        recurrent_layers.refuse_loops(made)


def test_an_unrolled_layer_is_refused_in_integers_alone(keras: Any) -> None:
    made = model(keras, keras.layers.GRU(4, unroll=True, name="memory"))
    recurrent_layers.refuse_loops(made)
    samples = {"signal": np.zeros((4, 6, 3), np.float32)}
    with pytest.raises(ConversionError) as caught:
        calibration.calibrate(keras_session.save(made), samples, Calibration("min_max", 4, 0))
    assert str(caught.value) == (
        f"layer 'memory': no runtime computes GRU in integers; {WAY_OUT} a scheme whose "
        "activations stay in float: float16 or dynamic"
    )


def test_a_convolution_over_time_is_not_refused(keras: Any) -> None:
    made = model(keras, keras.layers.Conv1D(4, 3))
    recurrent_layers.refuse_loops(made)
    recurrent_layers.refuse_in_integers(made)
