"""Matrix products worked out by hand, in every rank that MIL allows."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes
from tests.runtimes.coreml.programs import Argument, Array, constant

WEIGHT = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)  # three outputs, two inputs


@pytest.mark.parametrize(
    ("fed", "expected"),
    [
        ([1.0, 1.0], [3.0, 7.0, 11.0]),
        ([[1.0, 1.0], [0.0, 2.0]], [[3.0, 7.0, 11.0], [4.0, 8.0, 12.0]]),
        ([[[1.0, 0.0]], [[0.0, 1.0]]], [[[1.0, 3.0, 5.0]], [[2.0, 4.0, 6.0]]]),
    ],
)
def test_linear_multiplies_by_the_weight_of_outputs_and_inputs(fed: Any, expected: Any) -> None:
    assert_computes("linear", {"x": fed}, {"weight": WEIGHT}, expected)


def test_linear_adds_its_bias() -> None:
    parameters: dict[str, Argument] = {"weight": WEIGHT, "bias": [0.5, 0.0, -0.5]}
    assert_computes("linear", {"x": [[1.0, 1.0]]}, parameters, [[3.5, 7.0, 10.5]])


def test_the_weight_may_be_of_another_dtype_than_the_input() -> None:
    parameters: dict[str, Argument] = {
        "weight": constant(WEIGHT.astype(np.float16)),
        "bias": constant([1, 2, 3]),
    }
    assert_computes("linear", {"x": [[1.0, 1.0]]}, parameters, [[4.0, 9.0, 14.0]])


def test_linear_of_integers_is_an_integer() -> None:
    assert_computes("linear", {"x": [[1, 2]]}, {"weight": [[1, 2], [3, 4]]}, [[5, 11]])


A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
BATCHES, MORE = np.arange(12.0).reshape(2, 2, 3), np.arange(24.0).reshape(2, 1, 3, 4)


@pytest.mark.parametrize(
    ("x", "y", "parameters", "expected"),
    [
        (A, B, {}, A @ B),
        (A.T, B, {"transpose_x": True}, A @ B),
        (A, B.T, {"transpose_y": True}, A @ B),
        (A.T, B.T, {"transpose_x": True, "transpose_y": True}, A @ B),
        (BATCHES, B, {}, BATCHES @ B),
        (BATCHES, MORE, {}, BATCHES @ MORE),
        (BATCHES.transpose(0, 2, 1), MORE, {"transpose_x": True}, BATCHES @ MORE),
        (A[0], B, {}, A[0] @ B),
        (A, B[:, 0], {}, A @ B[:, 0]),
        (A[0], A[1], {}, A[0] @ A[1]),
    ],
)
def test_matmul_broadcasts_batches_and_transposes_the_last_two_axes(
    x: Array, y: Array, parameters: dict[str, Argument], expected: Any
) -> None:
    assert_computes("matmul", {"x": x, "y": y}, parameters, np.asarray(expected, np.float32))


@pytest.mark.parametrize(
    ("x", "y", "parameters", "expected"),
    [
        ([1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]], {"transpose_x": True}, [7.0, 10.0]),
        ([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0], {"transpose_y": True}, [5.0, 11.0]),
    ],
)
def test_transposing_a_vector_has_no_effect(
    x: Any, y: Any, parameters: dict[str, Argument], expected: Any
) -> None:
    assert_computes("matmul", {"x": x, "y": y}, parameters, expected)


def test_matmul_of_integers_is_an_integer() -> None:
    assert_computes("matmul", {"x": [[1, 2], [3, 4]], "y": [[5], [6]]}, {}, [[17], [39]])


def test_integers_that_float32_cannot_hold_are_multiplied_exactly() -> None:
    # 2^24 + 1 is the first that float32 lacks.
    assert_computes("matmul", {"x": [[16777217]], "y": [[1]]}, {}, [[16777217]])
    assert_computes("linear", {"x": [[16777217]]}, {"weight": [[1]]}, [[16777217]])


def test_einsum_multiplies_the_first_and_the_last_axis() -> None:
    x, y = np.arange(12.0).reshape(1, 2, 3, 2), np.arange(12.0).reshape(1, 2, 3, 2)
    # For every h the matrix x[c, w] times y[w, u].
    expected = np.stack([x[0, :, h] @ y[0, :, h] for h in range(3)], axis=1)[None]
    parameters: dict[str, Argument] = {
        "values": ("x", "y"),
        "equation": constant(np.array("nchw,nwhu->nchu", object), "string"),
    }
    assert_computes("einsum", {"x": x, "y": y}, parameters, expected.astype(np.float32))
