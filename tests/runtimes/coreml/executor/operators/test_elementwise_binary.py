"""Element-wise operators on two floats, two integers, one of each, and broadcast shapes."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes

X, Y = [-7.0, 7.0, 4.0], [2.0, -2.0, 4.0]
WHOLE_X, WHOLE_Y = [-7, 7, 4], [2, -2, 4]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("add", [-5, 5, 8]),
        ("sub", [-9, 9, 0]),
        ("mul", [-14, -14, 16]),
        ("maximum", [2, 7, 4]),
        ("minimum", [-7, -2, 4]),
        ("floor_div", [-4, -4, 1]),
        ("mod", [1, -1, 0]),
    ],
)
def test_arithmetic_on_floats_and_on_integers(kind: str, expected: list[int]) -> None:
    assert_computes(kind, {"x": X, "y": Y}, {}, np.array(expected, np.float32))
    assert_computes(kind, {"x": WHOLE_X, "y": WHOLE_Y}, {}, expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("equal", [False, False, True]),
        ("not_equal", [True, True, False]),
        ("greater", [False, True, False]),
        ("greater_equal", [False, True, True]),
        ("less", [True, False, False]),
        ("less_equal", [True, False, True]),
    ],
)
def test_comparison_of_floats_and_of_integers(kind: str, expected: list[bool]) -> None:
    assert_computes(kind, {"x": X, "y": Y}, {}, expected)
    assert_computes(kind, {"x": WHOLE_X, "y": WHOLE_Y}, {}, expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("logical_and", [True, False, False, False]),
        ("logical_or", [True, True, True, False]),
        ("logical_xor", [False, True, True, False]),
        ("equal", [True, False, False, True]),
        ("not_equal", [False, True, True, False]),
    ],
)
def test_truth_tables(kind: str, expected: list[bool]) -> None:
    assert_computes(
        kind, {"x": [True, True, False, False], "y": [True, False, True, False]}, {}, expected
    )


def test_pow_takes_fractions_and_integers() -> None:
    assert_computes("pow", {"x": [4.0, 2.0], "y": [0.5, -1.0]}, {}, [2.0, 0.5])
    assert_computes("pow", {"x": [3, 2], "y": [4, 10]}, {}, [81, 1024])


def test_real_div_keeps_fractions() -> None:
    assert_computes("real_div", {"x": [7.0, -1.0], "y": [2.0, 4.0]}, {}, [3.5, -0.25])
    assert_computes("real_div", {"x": [7, -1], "y": [2, 4]}, {}, [3.5, -0.25])


def test_real_div_cuts_fractions_off_where_the_program_declares_integers() -> None:
    assert_computes("real_div", {"x": [7, -7], "y": [2, 2]}, {}, [3, -3])


def test_floor_div_of_fractions_rounds_down() -> None:
    assert_computes("floor_div", {"x": [1.0, -1.0], "y": [0.75, 0.75]}, {}, [1.0, -2.0])


def test_mod_of_fractions_has_the_sign_of_the_divisor() -> None:
    assert_computes("mod", {"x": [5.5, -5.5, 5.5], "y": [2.0, 2.0, -2.0]}, {}, [1.5, 0.5, -0.5])


def test_large_integers_are_divided_exactly() -> None:
    assert_computes(
        "floor_div", {"x": [2147483647, -2147483648], "y": [2, 3]}, {}, [1073741823, -715827883]
    )


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([[1.0], [2.0]], [10.0, 20.0, 30.0], [[11.0, 21.0, 31.0], [12.0, 22.0, 32.0]]),
        (1.0, [1.0, 2.0], [2.0, 3.0]),
        ([[[1.0, 2.0]]], [[5.0], [6.0]], [[[6.0, 7.0], [7.0, 8.0]]]),
    ],
)
def test_shapes_are_broadcast(x: Any, y: Any, expected: Any) -> None:
    assert_computes("add", {"x": x, "y": y}, {}, expected)


def test_an_integer_beside_a_float_becomes_one() -> None:
    assert_computes("mul", {"x": [1.5, 2.0]}, {"y": 3}, [4.5, 6.0])


def test_a_constant_may_stand_on_either_side() -> None:
    assert_computes("sub", {"y": [1.0, 2.0]}, {"x": 10.0}, [9.0, 8.0])
    assert_computes("sub", {"x": [1.0, 2.0]}, {"y": [10.0, 20.0]}, [-9.0, -18.0])
