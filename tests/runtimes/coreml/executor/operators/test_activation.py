"""Activation functions of numbers with known results."""

import math

import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, constant, half, real, text

E = math.e


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("kind", "parameters", "fed", "expected"),
    [
        ("relu", {}, [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0]),
        ("relu6", {}, [-2.0, 5.0, 7.0], [0.0, 5.0, 6.0]),
        ("sigmoid", {}, [0.0, math.log(3), -math.log(3)], [0.5, 0.75, 0.25]),
        ("softplus", {}, [0.0, math.log(3)], [math.log(2), math.log(4)]),
        ("softplus", {}, [1000.0, -1000.0], [1000.0, 0.0]),  # e^1000 overflows
        ("softsign", {}, [-3.0, 0.0, 1.0], [-0.75, 0.0, 0.5]),
        (
            "silu",
            {},
            [0.0, math.log(3), -math.log(3)],
            [0.0, 0.75 * math.log(3), -0.25 * math.log(3)],
        ),
        ("leaky_relu", {"alpha": 0.5}, [-2.0, 3.0], [-1.0, 3.0]),
        ("elu", {"alpha": 2.0}, [-1.0, 3.0], [2 * (1 / E - 1), 3.0]),
        (
            "clamped_relu",
            {"alpha": 2.0, "beta": 4.0},
            [-3.0, -0.5, 3.0, 5.0],
            [-6.0, -1.0, 3.0, 4.0],
        ),
        ("clamped_relu", {"alpha": -2.0, "beta": 4.0}, [-3.0, -1.0], [4.0, 2.0]),
        ("thresholded_relu", {"alpha": 1.5}, [1.0, 1.5, 2.0, -3.0], [0.0, 1.5, 2.0, 0.0]),
        ("thresholded_relu", {"alpha": -1.0}, [-2.0, -1.0, -0.5], [0.0, -1.0, -0.5]),
        ("linear_activation", {"alpha": 2.0, "beta": 1.0}, [-3.0, 4.0], [-5.0, 9.0]),
        ("scaled_tanh", {"alpha": 3.0, "beta": 0.5}, [0.0, 2 * math.atanh(0.5)], [0.0, 1.5]),
        ("sigmoid_hard", {"alpha": 0.25, "beta": 0.5}, [-4.0, 1.0, 4.0], [0.0, 0.75, 1.0]),
    ],
)
def test_a_function_of_one_number(
    kind: str, parameters: dict[str, Argument], fed: list[float], expected: list[float]
) -> None:
    assert_computes(kind, {"x": fed}, parameters, expected)


def test_the_slopes_of_prelu_belong_to_channels() -> None:
    fed, expected = [[[-1.0, 2.0], [-1.0, -2.0]]], [[[-0.5, 2.0], [-0.25, -0.5]]]
    assert_computes("prelu", {"x": fed}, {"alpha": [0.5, 0.25]}, expected)


def test_the_slopes_of_prelu_reach_over_height_and_width() -> None:
    fed = [[[[-1.0], [-3.0]], [[-1.0], [4.0]]]]
    assert_computes(
        "prelu", {"x": fed}, {"alpha": [0.5, 0.25]}, [[[[-0.5], [-1.5]], [[-0.25], [4.0]]]]
    )


def test_parametric_softplus_has_two_numbers_for_each_channel() -> None:
    fed = [[[[math.log(3)]], [[math.log(3)]]]]
    # 2 log(1 + e^(log 3)) and 3 log(1 + e^(2 log 3))
    expected = [[[[2 * math.log(4)]], [[3 * math.log(10)]]]]
    assert_computes(
        "softplus_parametric", {"x": fed}, {"alpha": [2.0, 3.0], "beta": [1.0, 2.0]}, expected
    )


def test_softmax_is_along_the_last_axis_where_none_is_named() -> None:
    expected = [[0.25, 0.75], [0.5, 0.5]]
    assert_computes("softmax", {"x": [[0.0, math.log(3)], [5.0, 5.0]]}, {}, expected)


def test_softmax_is_along_the_axis_that_is_named() -> None:
    expected = [[0.25, 0.5], [0.75, 0.5]]
    assert_computes("softmax", {"x": [[0.0, 5.0], [math.log(3), 5.0]]}, {"axis": -2}, expected)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("EXACT", 0.5 * (1 + math.erf(1 / math.sqrt(2)))),
        ("TANH_APPROXIMATION", 0.5 * (1 + math.tanh(math.sqrt(2 / math.pi) * 1.044715))),
        ("SIGMOID_APPROXIMATION", sigmoid(1.702)),
    ],
)
def test_gelu_is_exact_or_one_of_two_approximations(mode: str, expected: float) -> None:
    # The three at 1.0: 0.84134, 0.84119 and 0.84579.
    assert_computes(
        "gelu", {"x": [1.0, 0.0, -1.0]}, {"mode": text(mode)}, [expected, 0.0, expected - 1]
    )


def test_gelu_is_exact_where_no_mode_is_named() -> None:
    assert_computes("gelu", {"x": [2.0]}, {}, [1 + math.erf(math.sqrt(2))])


def test_another_mode_of_gelu_is_refused() -> None:
    assert refusal("gelu", {"x": [1.0]}, {"mode": text("QUICK")}, real(1)) == "mode QUICK"


def test_parameters_may_be_of_another_dtype_than_the_input() -> None:
    assert_computes("leaky_relu", {"x": [-2.0]}, {"alpha": constant(0.5, half()[0])}, [-1.0])
