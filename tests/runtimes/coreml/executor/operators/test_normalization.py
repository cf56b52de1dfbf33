"""Normalization compared with its formulas in NumPy, in float64."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, real

X = np.random.default_rng(0).normal(1, 2, size=(2, 3, 4, 5))


def _float32(values: Array) -> Array:
    return values.astype(np.float32)


def test_batch_norm_by_hand() -> None:
    parameters: dict[str, Argument] = {"mean": [1.0, 2.0], "variance": [4.0, 9.0], "epsilon": 0.0}
    assert_computes("batch_norm", {"x": [[[5.0], [-1.0]]]}, parameters, [[[2.0], [-1.0]]])
    parameters |= {"gamma": [10.0, 1.0], "beta": [0.5, 0.25]}
    assert_computes("batch_norm", {"x": [[[5.0], [-1.0]]]}, parameters, [[[20.5], [-0.75]]])


def test_the_epsilon_of_batch_norm_is_added_to_the_variance() -> None:
    parameters: dict[str, Argument] = {"mean": [0.0], "variance": [1.0], "epsilon": 3.0}
    assert_computes("batch_norm", {"x": [[[4.0]]]}, parameters, [[[2.0]]])
    # 1e-5 where none is named: 1 / sqrt(1e-5)
    assert_computes(
        "batch_norm", {"x": [[[1.0]]]}, {"mean": [0.0], "variance": [0.0]}, [[[316.22777]]]
    )


def test_instance_norm_is_over_the_pixels_of_each_channel_of_each_image() -> None:
    mean, variance = X.mean(axis=(2, 3), keepdims=True), X.var(axis=(2, 3), keepdims=True)
    plain = (X - mean) / np.sqrt(variance + 1e-5)
    assert_computes("instance_norm", {"x": X}, {}, _float32(plain))
    gamma, beta = (
        np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1),
        np.array([0.5, 0.0, -0.5]).reshape(3, 1, 1),
    )
    scaled = (X - mean) / np.sqrt(variance + 0.1) * gamma + beta
    parameters: dict[str, Argument] = {
        "gamma": [1.0, 2.0, 3.0],
        "beta": [0.5, 0.0, -0.5],
        "epsilon": 0.1,
    }
    assert_computes("instance_norm", {"x": X}, parameters, _float32(scaled))


def test_instance_norm_of_a_line() -> None:
    line = X[:, :, 0]
    expected = (line - line.mean(axis=2, keepdims=True)) / np.sqrt(
        line.var(axis=2, keepdims=True) + 1e-5
    )
    assert_computes("instance_norm", {"x": line}, {}, _float32(expected))


@pytest.mark.parametrize("axes", [[3], [-1], [2, 3], [1, 3], [-1, 1], [0, 1, 2, 3], None])
def test_layer_norm_is_over_the_axes_that_are_named_or_all(axes: list[int] | None) -> None:
    over = tuple(sorted(axis % 4 for axis in axes or range(4)))
    shape = [X.shape[axis] for axis in over]
    gamma, beta = np.random.default_rng(1).normal(size=(2, *shape))
    broadcast = [X.shape[axis] if axis in over else 1 for axis in range(4)]
    normal = (X - X.mean(axis=over, keepdims=True)) / np.sqrt(
        X.var(axis=over, keepdims=True) + 0.01
    )
    parameters: dict[str, Argument] = {"epsilon": 0.01}
    if axes:
        parameters["axes"] = list(axes)
    assert_computes("layer_norm", {"x": X}, parameters, _float32(normal))
    parameters |= {"gamma": _float32(gamma), "beta": _float32(beta)}
    expected = normal * gamma.reshape(broadcast) + beta.reshape(broadcast)
    assert_computes("layer_norm", {"x": X}, parameters, _float32(expected))


def test_l2_norm_is_over_the_last_three_axes() -> None:
    fed = [[[[3.0, 0.0], [0.0, 4.0]]], [[[0.0, 0.0], [2.0, 0.0]]]]
    expected = [[[[0.6, 0.0], [0.0, 0.8]]], [[[0.0, 0.0], [1.0, 0.0]]]]
    assert_computes("l2_norm", {"x": fed}, {"epsilon": 0.0}, expected)
    assert_computes("l2_norm", {"x": fed[0]}, {"epsilon": 0.0}, expected[0])
    # sqrt(25 + 11) = 6
    assert_computes("l2_norm", {"x": fed[0]}, {"epsilon": 11.0}, [[[0.5, 0.0], [0.0, 4 / 6]]])


def _squares_beside(x: Array, before: int, after: int) -> Array:
    """Return the sum of squares from `before` channels in front of each to `after` behind it."""
    channels = x.shape[1]
    sums = [
        (x[:, max(own - before, 0) : own + after + 1] ** 2).sum(axis=1, keepdims=True)
        for own in range(channels)
    ]
    return np.concatenate(sums, axis=1)


@pytest.mark.parametrize(
    ("size", "before", "after"), [(1, 0, 0), (2, 1, 0), (3, 1, 1), (4, 2, 1), (5, 2, 2)]
)
def test_local_response_norm_has_the_larger_half_of_an_even_window_in_front(
    size: int, before: int, after: int
) -> None:
    # As torch.nn.LocalResponseNorm, to which coremltools compares it.
    x = np.random.default_rng(2).normal(0, 2, size=(2, 6, 2, 3))
    parameters: dict[str, Argument] = {"size": size, "alpha": 0.5, "beta": 0.6, "k": 2.0}
    expected = x / (2 + 0.5 / size * _squares_beside(x, before, after)) ** 0.6
    assert_computes("local_response_norm", {"x": x}, parameters, _float32(expected))


def test_local_response_norm_has_defaults() -> None:
    fed: Any = np.full((1, 1, 1, 1), 100.0)
    # 100 / (1 + 1e-4 * 100^2) ^ 0.75 = 100 / 2^0.75
    assert_computes("local_response_norm", {"x": fed}, {"size": 1}, _float32(fed / 2**0.75))


def test_local_response_norm_of_a_line_is_refused() -> None:
    reason = refusal("local_response_norm", {"x": [[[1.0]]]}, {"size": 1}, real(1, 1, 1))
    assert reason == "rank 3, on which coremltools' documentation and tests disagree"
