"""Tensors with another shape or another order of their values."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, real

X = np.arange(6).reshape(2, 3)
CUBE = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([3, 2], X.reshape(3, 2)),
        ([-1], X.reshape(6)),
        ([0, 3, 1], X.reshape(2, 3, 1)),
        ([6, -1], X.reshape(6, 1)),
        ([1, 0, -1, 0], X.reshape(1, 1, 2, 3)),  # of iOS 17: zeros are counted from the right
    ],
)
def test_reshape(shape: list[int], expected: Array) -> None:
    assert_computes("reshape", {"x": X}, {"shape": shape}, expected)


def test_reshape_like_takes_parts_of_the_shapes_of_others() -> None:
    fed = {"x": np.arange(180), "a": np.zeros((2, 3, 4)), "b": np.zeros((1, 5, 6))}
    parameters: dict[str, Argument] = {
        "ref_tensors": ("a", "b"),
        "begins": (0, 1),
        "ends": (2, 0),
        "end_masks": (False, True),
    }
    assert_computes("reshape_like", fed, parameters, np.arange(180).reshape(2, 3, 5, 6))


@pytest.mark.parametrize(
    ("fed", "axis", "expected"),
    [
        ((3,), -1, (1, 3)),
        ((3,), 1, (3, 1)),
        ((4, 3), -1, (4, 3)),
        ((2, 3, 2), -1, (6, 2)),
        ((5, 5, 2), 1, (5, 10)),
    ],
)
def test_flatten2d_as_in_the_examples_of_the_documentation(
    fed: tuple[int, ...], axis: int, expected: tuple[int, ...]
) -> None:
    numbers = np.arange(np.prod(fed))
    assert_computes(
        "flatten2d", {"x": numbers.reshape(fed)}, {"axis": axis}, numbers.reshape(expected)
    )


@pytest.mark.parametrize(
    ("axes", "shape"), [([0], (1, 2, 3)), ([-1], (2, 3, 1)), ([1, 3], (2, 1, 3, 1))]
)
def test_expand_dims(axes: list[int], shape: tuple[int, ...]) -> None:
    assert_computes("expand_dims", {"x": X}, {"axes": list(axes)}, X.reshape(shape))


@pytest.mark.parametrize(
    ("parameters", "shape"),
    [
        ({}, (2, 3)),
        ({"axes": [0]}, (2, 1, 3, 1)),
        ({"axes": [-1, 2]}, (1, 2, 3)),
        ({"axes": [0, 1]}, (2, 1, 3, 1)),
    ],
)
def test_squeeze_takes_axes_of_size_one_away_and_leaves_others(
    parameters: dict[str, Argument], shape: tuple[int, ...]
) -> None:
    assert_computes("squeeze", {"x": X.reshape(1, 2, 1, 3, 1)}, parameters, X.reshape(shape))


@pytest.mark.parametrize("order", [[2, 0, 1], [-1, 0, -2], [0, 1, 2]])
def test_transpose(order: list[int]) -> None:
    expected = CUBE.transpose([axis % 3 for axis in order])
    assert_computes("transpose", {"x": CUBE}, {"perm": list(order)}, expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"begin": [0, 1, 1], "end": [2, 3, 3]}, CUBE[:, 1:3, 1:3]),
        ({"begin": [0, -2, -3], "end": [1, 3, -1]}, CUBE[:1, -2:, -3:-1]),
        ({"begin": [0, 0, 0], "end": [2, 3, 4], "stride": [1, 2, 3]}, CUBE[:, ::2, ::3]),
        ({"begin": [0, 2, 3], "end": [2, 0, 0], "stride": [1, -1, -2]}, CUBE[:, 2:0:-1, 3:0:-2]),
        (
            {"begin": [1, 1, 1], "end": [2, 3, 4], "begin_mask": [True, False, True]},
            CUBE[:2, 1:3, :4],
        ),
        ({"begin": [1, 1, 1], "end": [1, 1, 1], "end_mask": [True, True, True]}, CUBE[1:, 1:, 1:]),
        (
            {
                "begin": [0, 2, 3],
                "end": [2, 0, 0],
                "stride": [1, -1, -1],
                "end_mask": [False, True, True],
            },
            CUBE[:, 2::-1, 3::-1],
        ),
        ({"begin": [0, 0, 0], "end": [2, 99, 4]}, CUBE),
        ({"begin": [1, 0, 0], "end": [0, 3, 4], "squeeze_mask": [True, False, False]}, CUBE[1]),
        (
            {"begin": [-1, 0, 2], "end": [0, 3, 0], "squeeze_mask": [True, False, True]},
            CUBE[-1, :, 2],
        ),
        ({"begin": [1, 2, 3], "end": [0, 0, 0], "squeeze_mask": [True, True, True]}, CUBE[1, 2, 3]),
    ],
)
def test_slice_by_index_cuts_as_numpy_does(
    parameters: dict[str, Argument], expected: Array
) -> None:
    assert_computes("slice_by_index", {"x": CUBE}, parameters, expected)
    assert_computes("slice_by_index", {"x": CUBE % 2 == 0}, parameters, expected % 2 == 0)


@pytest.mark.parametrize(
    ("begin", "size", "expected"),
    [
        ([0, 1, 2], [2, 2, 1], CUBE[:, 1:3, 2:3]),
        ([1, 0, 1], [1, -1, -1], CUBE[1:, :, 1:]),
        ([-1, 0, -3], [1, 3, 2], CUBE[-1:, :, 1:3]),
    ],
)
def test_slice_by_size(begin: list[int], size: list[int], expected: Array) -> None:
    assert_computes(
        "slice_by_size", {"x": CUBE}, {"begin": list(begin), "size": list(size)}, expected
    )


@pytest.mark.parametrize(
    ("parameters", "cut"),
    [
        ({"begin": [0, 1, 1], "end": [2, 3, 3]}, np.s_[:, 1:3, 1:3]),
        ({"begin": [0, 2, 0], "end": [2, 0, 4], "stride": [1, -1, 2]}, np.s_[:, 2:0:-1, ::2]),
        ({"begin": [1, 0, 0], "end": [0, 3, 4], "squeeze_mask": [True, False, False]}, np.s_[1]),
        (
            {
                "begin": [1, 1, 1],
                "end": [1, 1, 1],
                "end_mask": [True] * 3,
                "begin_mask": [True] * 3,
            },
            np.s_[:],
        ),
    ],
)
def test_slice_update_replaces_a_slice(parameters: dict[str, Argument], cut: Any) -> None:
    expected = CUBE.copy()
    update = -np.arange(1, expected[cut].size + 1).reshape(expected[cut].shape)
    expected[cut] = update
    assert_computes("slice_update", {"x": CUBE, "update": update}, parameters, expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, X[::-1, ::-1]),
        ({"axes": [1]}, X[:, ::-1]),
        ({"axes": [-2]}, X[::-1]),
        ({"axes": [0, -1]}, X[::-1, ::-1]),
    ],
)
def test_reverse(parameters: dict[str, Argument], expected: Array) -> None:
    assert_computes("reverse", {"x": X}, parameters, expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"seq_axis": 1, "batch_axis": 0}, [[1, 0, 2], [5, 4, 3]]),
        ({"seq_axis": -1}, [[1, 0, 2], [5, 4, 3]]),
    ],
)
def test_reverse_sequence_turns_the_beginning_of_each_row(
    parameters: dict[str, Argument], expected: Any
) -> None:
    assert_computes("reverse_sequence", {"x": X, "lengths": [2, 3]}, parameters, expected)


def test_reverse_sequence_turns_columns_where_only_the_batch_is_named() -> None:
    expected = [[3, 1, 5], [0, 4, 2]]
    fed = {"x": X, "lengths": np.array([2, 1, 2], np.int8)}
    assert_computes("reverse_sequence", fed, {"seq_axis": 0, "batch_axis": 1}, expected)
    assert_computes("reverse_sequence", fed, {"batch_axis": 1}, expected)


def test_reverse_sequence_along_other_axes_is_refused() -> None:
    parameters: dict[str, Argument] = {"seq_axis": 2, "batch_axis": 0}
    reason = refusal(
        "reverse_sequence", {"x": np.zeros((2, 3, 4)), "lengths": [1, 1]}, parameters, real(2, 3, 4)
    )
    assert reason == "reverse_sequence along axes other than 0 and 1"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"axis": 0, "size": 3}, [[1, 2, 3], [2, 3, 4], [3, 4, 5]]),
        ({"axis": -1, "size": 3, "stride": 2}, [[1, 2, 3], [3, 4, 5]]),
        ({"axis": 0, "size": 2, "stride": 3}, [[1, 2], [4, 5]]),
    ],
)
def test_sliding_windows(parameters: dict[str, Argument], expected: Any) -> None:
    assert_computes("sliding_windows", {"x": [1, 2, 3, 4, 5]}, parameters, expected)


def test_sliding_windows_put_their_axis_behind_the_one_they_slide_along() -> None:
    expected = np.stack([CUBE[:, 0:2], CUBE[:, 1:3]], axis=1)
    assert_computes("sliding_windows", {"x": CUBE}, {"axis": 1, "size": 2}, expected)
