"""Element-wise functions of floats, and of integers where they accept them."""

import math
from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes
from tests.runtimes.coreml.programs import Argument, text

HALF_PI = math.pi / 2


@pytest.mark.parametrize(
    ("kind", "fed", "expected"),
    [
        ("abs", [-1.5, 2.0], [1.5, 2.0]),
        ("abs", [-3, 4], [3, 4]),
        ("acos", [0.5, -1.0], [math.pi / 3, math.pi]),
        ("asin", [0.5, -1.0], [math.pi / 6, -HALF_PI]),
        ("atan", [1.0, 0.0], [math.pi / 4, 0.0]),
        ("atanh", [0.6, 0.0], [math.log(2), 0.0]),
        ("ceil", [-1.5, 1.2], [-1.0, 2.0]),
        ("cos", [math.pi, 0.0], [-1.0, 1.0]),
        ("cosh", [math.log(2), 0.0], [1.25, 1.0]),
        ("erf", [0.5, -0.5], [math.erf(0.5), -math.erf(0.5)]),
        ("exp", [0.0, math.log(7)], [1.0, 7.0]),
        ("exp2", [3.0, -1.0, 0.5], [8.0, 0.5, math.sqrt(2)]),
        ("floor", [-1.5, 1.8], [-2.0, 1.0]),
        ("identity", [1.5, -2.0], [1.5, -2.0]),
        ("identity", [True, False], [True, False]),
        ("logical_not", [True, False], [False, True]),
        ("round", [0.5, 1.5, 2.5, -0.5, 2.4], [0.0, 2.0, 2.0, -0.0, 2.0]),
        ("sign", [-2.0, 0.0, 5.0], [-1.0, 0.0, 1.0]),
        ("sign", [-2, 0, 5], [-1, 0, 1]),
        ("sin", [HALF_PI, math.pi / 6], [1.0, 0.5]),
        ("sinh", [math.log(2), 0.0], [0.75, 0.0]),
        ("sqrt", [9.0, 2.25], [3.0, 1.5]),
        ("square", [-3.0, 0.5], [9.0, 0.25]),
        ("square", [-3, 5], [9, 25]),
        ("tan", [math.pi / 4, 0.0], [1.0, 0.0]),
        ("tanh", [math.log(2), 0.0], [0.6, 0.0]),
    ],
)
def test_a_function_of_one_number(kind: str, fed: list[Any], expected: list[Any]) -> None:
    assert_computes(kind, {"x": fed}, {}, expected)


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("inverse", {"epsilon": 0.0}, 0.25),
        ("inverse", {"epsilon": 1.0}, 0.2),
        ("log", {"epsilon": 0.0}, math.log(4)),
        ("log", {"epsilon": 2.0}, math.log(6)),
        ("rsqrt", {"epsilon": 0.0}, 0.5),
        ("rsqrt", {"epsilon": 5.0}, 1 / 3),
    ],
)
def test_epsilon_is_added_before_the_function(
    kind: str, parameters: dict[str, Argument], expected: float
) -> None:
    assert_computes(kind, {"x": [4.0]}, parameters, [expected])


@pytest.mark.parametrize(
    ("kind", "expected"), [("inverse", 1 / 1e-4), ("rsqrt", 1 / math.sqrt(1e-12))]
)
def test_without_an_epsilon_the_documented_one_keeps_zero_from_infinity(
    kind: str, expected: float
) -> None:
    assert_computes(kind, {"x": [0.0]}, {}, [expected])


def test_clip_holds_numbers_between_two_bounds() -> None:
    assert_computes("clip", {"x": [-2.0, 0.3, 9.0]}, {"alpha": -1.0, "beta": 0.5}, [-1.0, 0.3, 0.5])


def test_threshold_is_a_lower_bound() -> None:
    assert_computes("threshold", {"x": [-2.0, 0.3]}, {"alpha": 0.1}, [0.1, 0.3])
    assert_computes("threshold", {"x": [-2, 3]}, {"alpha": 1}, [1, 3])


@pytest.mark.parametrize(
    ("fed", "dtype", "expected"),
    [
        ([-1.7, 1.7, 300.9], "int32", np.array([-1, 1, 300], np.int32)),
        ([-0.5, 0.0, 2.0], "bool", np.array([True, False, True])),
        ([-3, 0, 2], "bool", np.array([True, False, True])),
        ([-1.7, 300.0, 255.4], "uint8", np.array([0, 255, 255], np.uint8)),
        ([-200.0, 127.9, 300.0], "int8", np.array([-128, 127, 127], np.int8)),
        ([-1.0, 7e4], "uint16", np.array([0, 65535], np.uint16)),
        ([-4e4, 4e4], "int16", np.array([-32768, 32767], np.int16)),
        ([3, -4], "fp32", np.array([3.0, -4.0], np.float32)),
        ([True, False], "fp32", np.array([1.0, 0.0], np.float32)),
        ([True, False], "int32", np.array([1, 0], np.int32)),
    ],
)
def test_cast_cuts_fractions_off_and_stops_at_the_ends_of_small_integers(
    fed: list[Any], dtype: str, expected: Any
) -> None:
    assert_computes("cast", {"x": fed}, {"dtype": text(dtype)}, expected)


def test_a_power_of_two_of_integers_is_an_integer() -> None:
    assert_computes("exp2", {"x": [3, 0]}, {}, [8, 1])
