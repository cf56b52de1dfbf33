"""Sparsity masks, computed by hand, and the constraint that keeps weights at zero."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import masks, weight_constraints
from edgebake.compression.pruning.masks import UPDATES, Masks, SparsityRamp
from edgebake.models import keras_session
from edgebake.recipe import SparsityPattern

KERNEL = np.array([[0.1, -0.9], [-0.2, 0.0], [0.3, 0.8], [-0.4, 0.5]], np.float32)  # [in, out]


@pytest.fixture
def keras() -> Any:
    return keras_session.start(1)


def test_the_share_of_zeros_rises_fast_and_then_ever_slower() -> None:
    ramp = SparsityRamp(0.8, 4)
    # 0.8 * (1 - (1 - t)^3) at quarters: 1 - 27/64, 1 - 8/64, 1 - 1/64 of it
    expected = [0, 0.8 * 37 / 64, 0.8 * 56 / 64, 0.8 * 63 / 64, 0.8, 0.8]
    assert [ramp.sparsity_at(step) for step in (0, 1, 2, 3, 4, 100)] == pytest.approx(expected)


def test_no_ramp_is_all_at_once() -> None:
    assert SparsityRamp(0.5, 0).sparsity_at(0) == 0.5
    assert [step for step in range(100) if SparsityRamp(0.5, 0).is_due(step)] == [0]


@pytest.mark.parametrize(
    ("steps", "updates"), [(1, 2), (10, 11), (32, 33), (33, 18), (1000, 33), (1001, 33)]
)
def test_masks_are_made_a_few_dozen_times_and_last_at_the_end_of_the_ramp(
    steps: int, updates: int
) -> None:
    due = [step for step in range(2 * steps) if SparsityRamp(0.5, steps).is_due(step)]
    assert (len(due), due[0], due[-1]) == (updates, 0, steps)
    assert len(due) <= UPDATES + 1


def test_the_least_of_a_layer_go_and_zeros_count() -> None:
    # magnitudes in order: 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 0.9
    assert masks.magnitude_mask(KERNEL, 0.5).tolist() == [
        [False, True],
        [False, False],
        [False, True],
        [True, True],
    ]
    assert masks.magnitude_mask(KERNEL, 0.0).all()
    assert not masks.magnitude_mask(KERNEL, 1.0).any()


@pytest.mark.parametrize(
    ("share", "zeros"), [(0.3, 3), (0.34, 4), (0.36, 4), (0.95, 10), (0.96, 11)]
)
def test_the_count_is_exact_even_if_all_weights_are_equal(share: float, zeros: int) -> None:
    assert (
        np.count_nonzero(~masks.magnitude_mask(np.full((11, 1), 0.5, np.float32), share)) == zeros
    )


def test_two_of_four_neighbouring_input_channels_stay() -> None:
    expected = [[False, True], [False, False], [True, True], [True, False]]
    assert masks.pattern_mask(KERNEL, SparsityPattern(2, 4)).tolist() == expected
    # in a convolution the same holds at each place of the window, for each output channel
    window = np.stack([KERNEL, KERNEL[::-1]]).reshape(1, 2, 4, 2)
    assert masks.pattern_mask(window, SparsityPattern(2, 4)).tolist() == [
        [expected, expected[::-1]]
    ]


def test_of_equals_a_pattern_keeps_the_first() -> None:
    assert (
        masks.pattern_mask(np.ones((8, 1), np.float32), SparsityPattern(1, 4))[:, 0].tolist()
        == [True, *[False] * 3] * 2
    )


def test_what_was_cut_stays_zero_while_an_optimizer_steps(keras: Any) -> None:
    layer = keras.layers.Dense(2, use_bias=False)
    layer.build((None, 4))
    layer.kernel.assign(KERNEL)
    made = Masks([layer])
    made.update(0.5)
    optimizer = keras.optimizers.SGD(0.1)
    with weight_constraints.constrained(made.constraints()):
        optimizer.apply([np.ones((4, 2), np.float32)], [layer.kernel])
    weights = np.array(layer.kernel)
    assert weights.tolist() == [
        [0, pytest.approx(-1.0)],
        [0, 0],
        [0, pytest.approx(0.7)],
        [pytest.approx(-0.5), pytest.approx(0.4)],
    ]
    assert not np.signbit(weights[weights == 0]).any()  # no -0.0
    optimizer.apply([np.ones((4, 2), np.float32)], [layer.kernel])
    assert np.count_nonzero(layer.kernel) == 8  # no longer held


def test_what_was_cut_stays_so_when_the_share_grows(keras: Any) -> None:
    layer = keras.layers.Dense(16)
    layer.build((None, 16))
    made, gone = Masks([layer]), np.zeros((16, 16), np.bool_)
    for share in (0.2, 0.5, 0.8):
        made.update(share)
        now = np.array(layer.kernel) == 0
        assert np.count_nonzero(now) == round(share * 256)
        assert now[gone].all()
        gone = now


def test_depthwise_layers_and_blocks_that_do_not_fit_stay_whole(keras: Any) -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(6, 3, name="first")(image))
    x = keras.layers.Conv2D(8, 1, name="second")(
        keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    )
    x = keras.layers.Conv2DTranspose(4, 2, name="up")(x)
    model = keras.Model(
        image, keras.layers.Dense(2, name="dense")(keras.layers.GlobalAveragePooling2D()(x))
    )
    depthwise = "DepthwiseConv2D: a channel has few weights, and no others that could compensate"
    up = "Conv2DTranspose: only Conv1D, Conv2D, Conv3D, Dense are pruned"
    layers, whole = masks.select_layers(model, None)
    assert list(layers) == ["first", "second", "dense"]
    assert whole == {"depthwise": depthwise, "up": up}
    layers, whole = masks.select_layers(model, SparsityPattern(2, 4))
    assert list(layers) == ["dense"]
    assert whole == {
        "depthwise": depthwise,
        "up": up,
        "first": "3 input channels; blocks of 4 do not divide them",
        "second": "6 input channels; blocks of 4 do not divide them",
    }
