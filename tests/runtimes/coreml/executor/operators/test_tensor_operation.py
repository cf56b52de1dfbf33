"""Tensors joined, split, filled, padded and sorted."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, constant, real, text

A, B = [[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]
SQUARE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
UNSORTED = [[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"axis": 0}, [*A, *B]),
        ({"axis": -1}, [[1, 2, 7, 8], [3, 4, 9, 10], [5, 6, 11, 12]]),
        ({"axis": 0, "interleave": True}, [[1, 2], [7, 8], [3, 4], [9, 10], [5, 6], [11, 12]]),
        ({"axis": 1, "interleave": True}, [[1, 7, 2, 8], [3, 9, 4, 10], [5, 11, 6, 12]]),
        ({"axis": -2, "interleave": True}, [[1, 2], [7, 8], [3, 4], [9, 10], [5, 6], [11, 12]]),
    ],
)
def test_concat_puts_tensors_behind_each_other_or_interleaves_them(
    parameters: dict[str, Argument], expected: Any
) -> None:
    assert_computes("concat", {"a": A, "b": B}, {"values": ("a", "b"), **parameters}, expected)


def test_concat_takes_constants_and_tensors_of_other_sizes() -> None:
    parameters: dict[str, Argument] = {"values": ("a", constant([[9.0]]), "a"), "axis": 1}
    assert_computes("concat", {"a": [[1.0, 2.0]]}, parameters, [[1.0, 2.0, 9.0, 1.0, 2.0]])


@pytest.mark.parametrize(
    ("axis", "expected"), [(0, [A, B]), (1, np.stack([A, B], 1)), (-1, np.stack([A, B], -1))]
)
def test_stack_adds_an_axis(axis: int, expected: Any) -> None:
    assert_computes("stack", {"a": A, "b": B}, {"values": ("a", "b"), "axis": axis}, expected)


def test_split_into_equal_parts_and_into_given_sizes() -> None:
    assert_computes("split", {"x": [1, 2, 3, 4]}, {"axis": 0, "num_splits": 2}, [1, 2], [3, 4])
    sizes: dict[str, Argument] = {"axis": -1, "split_sizes": [1, 2]}
    assert_computes(
        "split", {"x": SQUARE}, sizes, [[1.0], [4.0], [7.0]], [[2.0, 3.0], [5.0, 6.0], [8.0, 9.0]]
    )
    assert_computes("split", {"x": [1, 2]}, {"axis": 0, "num_splits": 1}, [1, 2])


def test_tile_repeats_along_each_axis() -> None:
    assert_computes(
        "tile", {"x": [[1, 2]]}, {"reps": [2, 3]}, [[1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1, 2]]
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"pad": [1, 2]}, [[0, 1, 2, 3, 0, 0], [0, 4, 5, 6, 0, 0]]),  # the last axis alone
        ({"pad": [0, 1, 1, 0]}, [[0, 1, 2, 3], [0, 4, 5, 6], [0, 0, 0, 0]]),
        ({"pad": [0, 1, 0, 0], "constant_val": 7.0}, [[1, 2, 3], [4, 5, 6], [7, 7, 7]]),
        ({"pad": [1, 2], "mode": text("reflect")}, [[2, 1, 2, 3, 2, 1], [5, 4, 5, 6, 5, 4]]),
        ({"pad": [1, 2], "mode": text("replicate")}, [[1, 1, 2, 3, 3, 3], [4, 4, 5, 6, 6, 6]]),
        ({"pad": [1, 0, 0, 0], "mode": text("replicate")}, [[1, 2, 3], [1, 2, 3], [4, 5, 6]]),
        ({"pad": np.zeros(0, np.int32)}, [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_pad_lists_pairs_for_the_last_axes(parameters: dict[str, Argument], expected: Any) -> None:
    assert_computes("pad", {"x": SQUARE[:2]}, parameters, np.array(expected, np.float32))


def test_another_mode_of_padding_is_refused() -> None:
    assert (
        refusal("pad", {"x": [1.0]}, {"pad": [1, 1], "mode": text("wrap")}, real(3)) == "mode wrap"
    )


def test_shape_is_a_list_of_sizes() -> None:
    assert_computes("shape", {"x": np.zeros((2, 1, 3))}, {}, [2, 1, 3])


def test_fill_makes_a_tensor_of_one_number() -> None:
    assert_computes("fill", {}, {"shape": [2, 3], "value": 1.5}, np.full((2, 3), 1.5, np.float32))
    assert_computes("fill", {}, {"shape": [2], "value": 7}, [7, 7])
    assert_computes("fill", {}, {"shape": [2], "value": True}, [True, True])
    assert_computes("fill", {}, {"shape": [2]}, [0.0, 0.0])


def test_fill_like_takes_the_shape_of_a_tensor() -> None:
    assert_computes("fill_like", {"ref_tensor": SQUARE}, {"value": 3}, np.full((3, 3), 3))
    assert_computes("fill_like", {"ref_tensor": [1, 2]}, {}, [0.0, 0.0])


def test_range_1d_leaves_its_end_out() -> None:
    assert_computes("range_1d", {}, {"start": 1, "end": 7, "step": 2}, [1, 3, 5])
    assert_computes("range_1d", {}, {"start": 3, "end": -1, "step": -2}, [3, 1])
    assert_computes("range_1d", {}, {"start": 0.5, "end": 2.0, "step": 0.5}, [0.5, 1.0, 1.5])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [[0, 0, 1], [1, 0, 0]]),
        ({"axis": 0}, [[0, 1], [0, 0], [1, 0]]),
        ({"axis": -2}, [[0, 1], [0, 0], [1, 0]]),
        ({"on_value": 5, "off_value": -1}, [[-1, -1, 5], [5, -1, -1]]),
        ({"on_value": 5.5, "off_value": 0.5}, [[0.5, 0.5, 5.5], [5.5, 0.5, 0.5]]),
        ({"on_value": True, "off_value": False}, [[False, False, True], [True, False, False]]),
    ],
)
def test_one_hot_vectors(parameters: dict[str, Argument], expected: Any) -> None:
    assert_computes(
        "one_hot", {"indices": [2, 0]}, {"one_hot_vector_size": 3, **parameters}, expected
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, SQUARE),
        ({"lower": 0, "upper": -1}, np.triu(SQUARE)),
        ({"lower": -1, "upper": 0}, np.tril(SQUARE)),
        ({"lower": 0, "upper": 0}, np.diag([1.0, 5.0, 9.0])),
        ({"lower": 1, "upper": 0}, [[1.0, 0.0, 0.0], [4.0, 5.0, 0.0], [0.0, 8.0, 9.0]]),
    ],
)
def test_band_part_keeps_a_band_along_the_diagonal(
    parameters: dict[str, Argument], expected: Any
) -> None:
    assert_computes("band_part", {"x": SQUARE}, parameters, expected)
    assert_computes(
        "band_part", {"x": np.array([SQUARE, SQUARE])}, parameters, np.array([expected, expected])
    )


def test_band_part_of_bools_makes_a_mask() -> None:
    assert_computes(
        "band_part",
        {"x": np.ones((2, 2), bool)},
        {"lower": -1, "upper": 0},
        [[True, False], [True, True]],
    )


def test_band_part_of_integers_that_are_not_square() -> None:
    assert_computes(
        "band_part", {"x": [[1, 2, 3], [4, 5, 6]]}, {"lower": 0, "upper": 1}, [[1, 2, 0], [0, 5, 6]]
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"axis": 1}, [[1, 3, 6], [4, 9, 15]]),
        ({}, [[1, 2, 3], [5, 7, 9]]),
        ({"axis": -1, "exclusive": True}, [[0, 1, 3], [0, 4, 9]]),
        ({"axis": 1, "reverse": True}, [[6, 5, 3], [15, 11, 6]]),
        ({"axis": 1, "reverse": True, "exclusive": True}, [[5, 3, 0], [11, 6, 0]]),
    ],
)
def test_cumulative_sums(parameters: dict[str, Argument], expected: Any) -> None:
    fed = np.array([[1, 2, 3], [4, 5, 6]])
    assert_computes("cumsum", {"x": fed}, parameters, expected)
    assert_computes(
        "cumsum", {"x": fed.astype(np.float32)}, parameters, np.array(expected, np.float32)
    )


@pytest.mark.parametrize(
    ("parameters", "values", "places"),
    [
        ({}, [[3.0], [6.0]], [[0], [1]]),
        ({"k": 2}, [[3.0, 2.0], [6.0, 5.0]], [[0, 2], [1, 2]]),
        ({"k": 2, "ascending": True}, [[1.0, 2.0], [4.0, 5.0]], [[1, 2], [0, 2]]),
        ({"k": 1, "axis": 0}, [[4.0, 6.0, 5.0]], [[1, 1, 1]]),
        ({"k": -1}, [[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]], [[0, 2, 1], [1, 2, 0]]),
    ],
)
def test_topk_finds_the_largest_or_the_smallest_and_where_they_stood(
    parameters: dict[str, Argument], values: Array, places: Array
) -> None:
    assert_computes("topk", {"x": UNSORTED}, parameters, values, places)
    assert_computes(
        "topk", {"x": np.array(UNSORTED, np.int32)}, parameters, np.array(values, np.int32), places
    )


def test_topk_may_return_values_alone_and_small_indices() -> None:
    assert_computes("topk", {"x": UNSORTED}, {"k": 1, "return_indices": False}, [[3.0], [6.0]])
    parameters: dict[str, Argument] = {"k": 1, "output_indices_dtype": text("uint16")}
    assert_computes(
        "topk", {"x": UNSORTED}, parameters, [[3.0], [6.0]], np.array([[0], [1]], np.uint16)
    )


def test_argsort_starts_with_the_largest_unless_told_not_to() -> None:
    assert_computes("argsort", {"x": UNSORTED}, {}, [[0, 2, 1], [1, 2, 0]])
    assert_computes("argsort", {"x": UNSORTED}, {"ascending": True}, [[1, 2, 0], [0, 2, 1]])
    assert_computes("argsort", {"x": UNSORTED}, {"axis": 0}, [[1, 1, 1], [0, 0, 0]])


def test_non_zero_lists_places() -> None:
    assert_computes("non_zero", {"x": [[0.0, 2.0], [-1.0, 0.0]]}, {}, [[0, 1], [1, 0]])
    assert_computes("non_zero", {"x": [0, 5, 0, 7]}, {}, [[1], [3]])
    assert_computes("non_zero", {"x": [True, False, True]}, {}, [[0], [2]])


def test_select_chooses_place_by_place() -> None:
    fed = {"a": [1.0, 2.0], "b": [10.0, 20.0]}
    assert_computes("select", fed | {"cond": [True, False]}, {}, [1.0, 20.0])
    assert_computes("select", fed | {"cond": [0.0, 0.5]}, {}, [10.0, 2.0])
    assert_computes(
        "select", {"a": [[1, 2]], "b": [[5], [6]], "cond": [True, False]}, {}, [[1, 5], [1, 6]]
    )


def test_select_chooses_among_bools() -> None:
    fed = {"a": [True, True], "b": [False, False], "cond": [False, True]}
    assert_computes("select", fed, {}, [False, True])
