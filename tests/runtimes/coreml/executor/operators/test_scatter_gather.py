"""Values read and written at indices given by another tensor."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, real, text, whole

X = np.arange(24.0).reshape(2, 3, 4)
TABLE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
MODES = ["update", "add", "sub", "mul", "div", "max", "min"]


def _float32(values: Array) -> Array:
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("indices", "axis", "expected"),
    [
        ([1, 0], 0, X[[1, 0]]),
        ([2, 0, 2], 1, X[:, [2, 0, 2]]),
        ([2, 0, 2], -2, X[:, [2, 0, 2]]),
        ([[0, 1], [2, 3]], 2, X[:, :, [[0, 1], [2, 3]]]),
        ([-1, -3], 1, X[:, [2, 0]]),
    ],
)
def test_gather_along_an_axis(indices: Any, axis: int, expected: Array) -> None:
    assert_computes("gather", {"x": X, "indices": indices}, {"axis": axis}, _float32(expected))
    assert_computes(
        "gather",
        {"x": X},
        {"indices": np.array(indices, np.int32), "axis": axis},
        _float32(expected),
    )


def test_a_single_index_takes_its_axis_away() -> None:
    assert_computes("gather", {"x": X}, {"indices": 1, "axis": 1}, _float32(X[:, 1]))


def test_gather_is_along_the_first_axis_where_none_is_named() -> None:
    assert_computes("gather", {"x": TABLE, "indices": [1]}, {}, [TABLE[1]])


def test_gather_takes_integers_and_bools_and_small_indices() -> None:
    assert_computes("gather", {"x": [5, 6, 7], "indices": np.array([2, 0], np.uint16)}, {}, [7, 5])
    assert_computes("gather", {"x": [True, False], "indices": np.array([1], np.int8)}, {}, [False])


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("inner", [(), (2,), (2, 3)])
def test_gather_in_batches_has_indices_of_its_own_for_each(
    axis: int, inner: tuple[int, ...]
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 3, 4, 5))
    indices = random.integers(0, x.shape[axis], size=(2, *inner))
    expected = np.stack(
        [np.take(x[own], indices[own], axis=axis - 1 if axis > 0 else axis) for own in range(2)]
    )
    parameters: dict[str, Argument] = {"axis": axis, "batch_dims": 1}
    assert_computes("gather", {"x": x, "indices": indices}, parameters, _float32(expected))


def test_gather_in_two_batches() -> None:
    random = np.random.default_rng(1)
    x, indices = random.normal(size=(2, 3, 4, 5)), random.integers(0, 5, size=(2, 3, 2))
    expected = np.stack(
        [[np.take(x[a, b], indices[a, b], axis=1) for b in range(3)] for a in range(2)]
    )
    assert_computes(
        "gather", {"x": x, "indices": indices}, {"axis": 3, "batch_dims": 2}, _float32(expected)
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_along_axis_has_an_index_for_each_place(axis: int) -> None:
    indices = np.random.default_rng(2).integers(0, 2, size=X.shape)
    expected = np.take_along_axis(X, indices, axis)
    assert_computes(
        "gather_along_axis", {"x": X, "indices": indices}, {"axis": axis}, _float32(expected)
    )


def test_gather_nd_reads_single_values_and_whole_slices() -> None:
    assert_computes("gather_nd", {"x": X, "indices": [[1, 2, 3], [0, 0, 0]]}, {}, [23.0, 0.0])
    assert_computes(
        "gather_nd", {"x": X, "indices": [[1, 2], [0, 1]]}, {}, _float32(X[[1, 0], [2, 1]])
    )
    assert_computes("gather_nd", {"x": X, "indices": [[[1]], [[0]]]}, {}, _float32(X[[[1], [0]]]))


def test_gather_nd_in_batches() -> None:
    fed = {"x": X, "indices": [[[2], [0]], [[1], [1]]]}
    assert_computes(
        "gather_nd", fed, {"batch_dims": 1}, _float32(np.stack([X[0][[2, 0]], X[1][[1, 1]]]))
    )


RESULTS = {
    "update": 8.0,
    "add": 12.0,
    "sub": -4.0,
    "mul": 32.0,
    "div": 0.5,
    "max": 8.0,
    "min": 4.0,
}  # of 4 and 8


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_combines_what_is_there_with_the_update(mode: str) -> None:
    parameters: dict[str, Argument] = {"mode": text(mode)}
    fed = {"data": [2.0, 4.0], "indices": [1], "updates": [8.0]}
    assert_computes("scatter", fed, parameters, [2.0, RESULTS[mode]])
    assert_computes("scatter_along_axis", fed, parameters, [2.0, RESULTS[mode]])
    assert_computes("scatter_nd", fed | {"indices": [[1]]}, parameters, [2.0, RESULTS[mode]])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "div"])
def test_each_mode_combines_integers_too(mode: str) -> None:
    parameters: dict[str, Argument] = {"mode": text(mode)}
    fed = {"data": [2, 4], "indices": [1], "updates": [8]}
    expected = [2, int(RESULTS[mode])]
    assert_computes("scatter", fed, parameters, expected)
    assert_computes("scatter_along_axis", fed, parameters, expected)
    assert_computes("scatter_nd", fed | {"indices": [[1]]}, parameters, expected)


def test_how_integers_are_divided_is_not_documented() -> None:
    fed = {"data": [2, 8], "indices": [1], "updates": [4]}
    assert refusal("scatter", fed, {"mode": text("div")}, whole(2)) == "division of integers"


def test_the_example_of_the_documentation() -> None:
    fed = {"data": [[1, 2, 3], [4, 5, 6]], "indices": [1, 0], "updates": [[5, 6, 7], [8, 9, 10]]}
    assert_computes("scatter", fed, {"axis": 0, "mode": text("add")}, [[9, 11, 13], [9, 11, 13]])


def test_modes_add_where_none_is_named() -> None:
    assert_computes(
        "scatter", {"data": [1.0, 2.0], "indices": [0], "updates": [5.0]}, {}, [6.0, 2.0]
    )
    assert_computes(
        "scatter_along_axis", {"data": [1.0, 2.0], "indices": [0], "updates": [5.0]}, {}, [6.0, 2.0]
    )
    assert_computes(
        "scatter_nd", {"data": [1.0, 2.0], "indices": [[0]], "updates": [5.0]}, {}, [6.0, 2.0]
    )


def test_updates_of_one_place_add_up() -> None:
    fed = {"data": [1.0, 2.0], "indices": [1, 1, 1], "updates": [10.0, 20.0, 30.0]}
    assert_computes("scatter", fed, {"mode": text("add")}, [1.0, 62.0])


@pytest.mark.parametrize("axis", [1, -1, 2])
def test_scatter_writes_slices_along_an_axis(axis: int) -> None:
    own = axis % 3
    updates = -np.arange(24.0).reshape(2, 3, 4).take([0, 1], axis=own) - 1
    expected = np.moveaxis(X.copy(), own, 0)
    expected[[2, 0]] = np.moveaxis(updates, own, 0)
    parameters: dict[str, Argument] = {"axis": axis, "mode": text("update")}
    fed = {"data": X, "indices": [2, 0], "updates": updates}
    assert_computes("scatter", fed, parameters, _float32(np.moveaxis(expected, 0, own)))


def test_scatter_along_axis_writes_single_places() -> None:
    fed = {"data": TABLE, "indices": [[2, 0], [1, 2]], "updates": [[30.0, 10.0], [50.0, 60.0]]}
    parameters: dict[str, Argument] = {"axis": 1, "mode": text("update")}
    assert_computes("scatter_along_axis", fed, parameters, [[10.0, 2.0, 30.0], [4.0, 50.0, 60.0]])


def test_scatter_nd_writes_single_values_and_whole_slices() -> None:
    parameters: dict[str, Argument] = {"mode": text("update")}
    fed = {"data": TABLE, "indices": [[0, 1], [1, 2]], "updates": [20.0, 60.0]}
    assert_computes("scatter_nd", fed, parameters, [[1.0, 20.0, 3.0], [4.0, 5.0, 60.0]])
    fed = {"data": TABLE, "indices": [[1]], "updates": [[7.0, 8.0, 9.0]]}
    assert_computes("scatter_nd", fed, parameters, [[1.0, 2.0, 3.0], [7.0, 8.0, 9.0]])


def test_another_mode_is_refused() -> None:
    fed = {"data": [1.0], "indices": [0], "updates": [5.0]}
    assert refusal("scatter", fed, {"mode": text("xor")}, real(1)) == "mode xor"


def test_indices_of_scatter_that_are_no_vector_are_refused() -> None:
    fed = {"data": [1.0], "indices": [[0]], "updates": [[5.0]]}
    assert refusal("scatter", fed, {}, real(1)) == "indices that are no vector"
