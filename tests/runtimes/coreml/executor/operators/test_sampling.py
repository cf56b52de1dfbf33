"""Positions of the sampling modes, and the matrix of linear interpolation."""

import numpy as np
import pytest

from edgebake.runtimes.coreml.executor.mil import UnsupportedError
from edgebake.runtimes.coreml.executor.operators.sampling import (
    interpolation_matrix,
    sampling_positions,
)

MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")


@pytest.mark.parametrize(
    ("size", "new", "mode", "places"),
    [
        (2, 5, "DEFAULT", [0, 0.4, 0.8, 1, 1]),
        (5, 2, "DEFAULT", [0, 2.5]),
        (5, 2, "OFFSET_CORNERS", [1, 3]),
        (1, 2, "OFFSET_CORNERS", [0, 0]),
        (5, 2, "UNALIGN_CORNERS", [0.75, 3.25]),
        (5, 3, "STRICT_ALIGN_CORNERS", [0, 2, 4]),
        (5, 1, "STRICT_ALIGN_CORNERS", [0]),
        (5, 1, "ALIGN_CORNERS", [2]),
    ],
)
def test_places_along_an_axis(size: int, new: int, mode: str, places: list[float]) -> None:
    assert sampling_positions(size, new, mode).tolist() == pytest.approx(places)


def test_an_unknown_mode_is_not_covered() -> None:
    with pytest.raises(UnsupportedError, match="sampling_mode CUBIC"):
        sampling_positions(2, 3, "CUBIC")


def test_the_matrix_of_an_interpolation_by_hand() -> None:
    expected = [[1, 0], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0, 1]]
    assert interpolation_matrix(2, 5, "STRICT_ALIGN_CORNERS").tolist() == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("size", "new"), [(1, 1), (1, 4), (4, 1), (3, 7), (7, 3), (5, 5)])
def test_the_weights_of_each_place_sum_to_one_and_look_at_that_place(
    mode: str, size: int, new: int
) -> None:
    matrix = interpolation_matrix(size, new, mode)
    assert matrix.shape == (new, size)
    assert matrix.sum(axis=1).tolist() == pytest.approx([1] * new)
    assert (matrix @ np.arange(size)).tolist() == pytest.approx(
        sampling_positions(size, new, mode).tolist(), abs=1e-6
    )
