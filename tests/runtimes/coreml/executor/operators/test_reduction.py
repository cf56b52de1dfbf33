"""Reductions along some axes."""

import math
from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes
from tests.runtimes.coreml.programs import Argument

X = [[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]]
WHOLE = [[1, -2, 3], [4, 5, -6]]


@pytest.mark.parametrize(
    ("kind", "rows", "columns", "everything"),
    [
        ("reduce_l1_norm", [6.0, 10.5], [5.0, 2.5, 9.0], 16.5),
        ("reduce_l2_norm", [14**0.5, 52.25**0.5], [17**0.5, 4.25**0.5, 45**0.5], 66.25**0.5),
        ("reduce_max", [3.0, 4.0], [4.0, 0.5, 3.0], 4.0),
        ("reduce_mean", [2 / 3, -0.5], [2.5, -0.75, -1.5], 0.25 / 3),
        ("reduce_min", [-2.0, -6.0], [1.0, -2.0, -6.0], -6.0),
        ("reduce_prod", [-6.0, -12.0], [4.0, -1.0, -18.0], 72.0),
        ("reduce_sum", [2.0, -1.5], [5.0, -1.5, -3.0], 0.5),
        ("reduce_sum_square", [14.0, 52.25], [17.0, 4.25, 45.0], 66.25),
    ],
)
def test_a_reduction_along_rows_along_columns_and_of_everything(
    kind: str, rows: Any, columns: Any, everything: float
) -> None:
    assert_computes(kind, {"x": X}, {"axes": [1]}, rows)
    assert_computes(kind, {"x": X}, {"axes": [-2]}, columns)
    assert_computes(kind, {"x": X}, {"axes": [0], "keep_dims": True}, [columns])
    assert_computes(kind, {"x": X}, {"axes": [1, 0]}, everything)
    assert_computes(kind, {"x": X}, {}, everything)
    assert_computes(kind, {"x": X}, {"keep_dims": True}, [[everything]])


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("reduce_l1_norm", [6, 15]),
        ("reduce_max", [3, 5]),
        ("reduce_min", [-2, -6]),
        ("reduce_prod", [-6, -120]),
        ("reduce_sum", [2, 3]),
        ("reduce_sum_square", [14, 77]),
    ],
)
def test_reductions_of_integers_are_integers(kind: str, rows: Any) -> None:
    assert_computes(kind, {"x": WHOLE}, {"axes": [1]}, rows)


LOGARITHMS = [[math.log(2), math.log(6)], [math.log(1), math.log(4)]]


def test_the_logarithm_of_a_sum() -> None:
    fed: Any = [[2.0, 6.0], [1.0, 3.0]]
    assert_computes("reduce_log_sum", {"x": fed}, {"axes": [1]}, [math.log(8), math.log(4)])
    assert_computes(
        "reduce_log_sum", {"x": fed}, {"axes": [0], "keep_dims": True}, [[math.log(3), math.log(9)]]
    )
    assert_computes("reduce_log_sum", {"x": fed}, {}, math.log(12))


def test_the_logarithm_of_a_sum_of_integers_is_an_integer() -> None:
    # As the documentation has it; log(1) is the one that needs no rounding.
    assert_computes("reduce_log_sum", {"x": [[-1, 2], [0, 1]]}, {"axes": [1]}, [0, 0])


def test_the_logarithm_of_a_sum_of_exponentials() -> None:
    assert_computes(
        "reduce_log_sum_exp", {"x": LOGARITHMS}, {"axes": [1]}, [math.log(8), math.log(5)]
    )
    assert_computes("reduce_log_sum_exp", {"x": LOGARITHMS}, {}, math.log(13))


def test_the_logarithm_of_a_sum_of_exponentials_does_not_overflow() -> None:
    assert_computes("reduce_log_sum_exp", {"x": [1000.0, 1000.0]}, {}, 1000 + math.log(2))


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("reduce_argmax", {}, [2, 0]),
        ("reduce_argmax", {"axis": 0}, [1, 1, 0]),
        ("reduce_argmax", {"axis": -2, "keep_dims": True}, [[1, 1, 0]]),
        ("reduce_argmin", {}, [1, 2]),
        ("reduce_argmin", {"axis": 0}, [0, 0, 1]),
        ("reduce_argmin", {"axis": 1, "keep_dims": True}, [[1], [2]]),
    ],
)
def test_where_the_largest_and_the_smallest_stand(
    kind: str, parameters: dict[str, Argument], expected: Any
) -> None:
    assert_computes(kind, {"x": X}, parameters, expected)
    assert_computes(kind, {"x": np.round(X) * 2}, parameters, expected)


def test_the_largest_integer_is_found_too() -> None:
    assert_computes("reduce_argmax", {"x": WHOLE}, {}, [2, 1])
