"""Resized images in every sampling mode, with the examples of Apple's documentation."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, constant, real, text

SLOPE = [[[[0.0, 1.0]]]]  # a value is the place where it was looked up
ALIGNED = ["STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"]
THIRD = 1 / 3


def _row(values: list[float]) -> Array:
    return np.array([[[values]]], np.float32)


@pytest.mark.parametrize(
    ("mode", "places"),
    [
        ("UNALIGN_CORNERS", [0, 0.1, 0.5, 0.9, 1]),
        ("STRICT_ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("DEFAULT", [0, 0.4, 0.8, 1, 1]),
        ("OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9]),
        ("UNALIGN_CORNERS", [0, 0, THIRD, 2 * THIRD, 1, 1]),
        ("STRICT_ALIGN_CORNERS", [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("ALIGN_CORNERS", [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("DEFAULT", [0, THIRD, 2 * THIRD, 1, 1, 1]),
        ("OFFSET_CORNERS", [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12]),
        ("UNALIGN_CORNERS", [0.5]),
        ("STRICT_ALIGN_CORNERS", [0]),
        ("ALIGN_CORNERS", [0.5]),
        ("DEFAULT", [0]),
        ("OFFSET_CORNERS", [0.5]),
    ],
)
def test_each_mode_looks_at_the_places_of_the_documentation(mode: str, places: list[float]) -> None:
    target: dict[str, Argument] = {
        "target_size_height": 1,
        "target_size_width": len(places),
        "sampling_mode": text(mode),
    }
    assert_computes("resize_bilinear", {"x": SLOPE}, target, _row(places))
    shape: dict[str, Argument] = {"shape": [1, len(places)], "resized_dims": constant(2, "uint32")}
    assert_computes("resize", {"x": SLOPE}, shape | {"sampling_mode": text(mode)}, _row(places))


def test_both_axes_are_interpolated() -> None:
    fed, expected = (
        [[[[0.0, 4.0], [8.0, 12.0]]]],
        [[[[0.0, 2.0, 4.0], [4.0, 6.0, 8.0], [8.0, 10.0, 12.0]]]],
    )
    parameters: dict[str, Argument] = {
        "target_size_height": 3,
        "target_size_width": 3,
        "sampling_mode": text(ALIGNED[0]),
    }
    assert_computes("resize_bilinear", {"x": fed}, parameters, expected)


def test_an_image_is_made_smaller_by_looking_less_often() -> None:
    target: dict[str, Argument] = {"target_size_height": 1, "target_size_width": 2}
    assert_computes("resize_bilinear", {"x": _row([1, 2, 3, 4, 5])}, target, _row([1, 3.5]))


def test_the_same_size_looks_between_the_pixels_with_offset_corners_alone() -> None:
    target: dict[str, Argument] = {"target_size_height": 1, "target_size_width": 2}
    for mode in ("DEFAULT", "UNALIGN_CORNERS", *ALIGNED):
        assert_computes(
            "resize_bilinear", {"x": SLOPE}, target | {"sampling_mode": text(mode)}, SLOPE
        )
    parameters = target | {"sampling_mode": text("OFFSET_CORNERS")}
    assert_computes("resize_bilinear", {"x": SLOPE}, parameters, _row([0.25, 0.75]))


def test_another_mode_is_refused() -> None:
    target: dict[str, Argument] = {
        "target_size_height": 1,
        "target_size_width": 3,
        "sampling_mode": text("CUBIC"),
    }
    assert (
        refusal("resize_bilinear", {"x": SLOPE}, target, real(1, 1, 1, 3)) == "sampling_mode CUBIC"
    )


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({}, [0, 0.25, 0.5, 0.75, 1]),  # corners are aligned where nothing is said
        ({"align_corners": True}, [0, 0.25, 0.5, 0.75, 1]),
        ({"align_corners": False}, [0, 0.1, 0.5, 0.9, 1]),
        ({"align_corners": False, "half_pixel_centers": True}, [0, 0.1, 0.5, 0.9, 1]),
        ({"align_corners": False, "half_pixel_centers": False}, [0, 0.4, 0.8, 1, 1]),
        ({"align_corners": True, "half_pixel_centers": False}, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_upsample_bilinear_aligns_corners_or_centres(
    parameters: dict[str, Argument], places: list[float]
) -> None:
    scales: dict[str, Argument] = {"scale_factor_height": 1, "scale_factor_width": 2.5}
    assert_computes("upsample_bilinear", {"x": SLOPE}, scales | parameters, _row(places))


@pytest.mark.parametrize(
    ("fed", "new", "expected"),
    [
        ([1, 2, 3], 6, [1, 1, 2, 2, 3, 3]),
        ([1, 2, 3], 5, [1, 1, 2, 2, 3]),  # floor of 0, 0.6, 1.2, 1.8, 2.4
        ([1, 2, 3, 4, 5], 2, [1, 3]),
        ([1, 2], 5, [1, 1, 1, 2, 2]),
    ],
)
def test_the_older_operators_of_nearest_neighbours_round_down(
    fed: Any, new: int, expected: Any
) -> None:
    target: dict[str, Argument] = {"target_size_height": 1, "target_size_width": new}
    assert_computes("resize_nearest_neighbor", {"x": _row(fed)}, target, _row(expected))
    scales: dict[str, Argument] = {
        "scale_factor_height": 1,
        "scale_factor_width": (new + 1e-4) / len(fed),
    }
    assert_computes("upsample_nearest_neighbor", {"x": _row(fed)}, scales, _row(expected))


def test_nearest_neighbours_of_rows_and_columns() -> None:
    fed, expected = [[[1.0, 2.0], [3.0, 4.0]]], [[[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0]]]
    scales: dict[str, Argument] = {"scale_factor_height": 1, "scale_factor_width": 2}
    assert_computes("upsample_nearest_neighbor", {"x": fed}, scales, expected)


@pytest.mark.parametrize("kind", ["upsample_nearest_neighbor", "upsample_bilinear"])
def test_a_scale_that_float32_cannot_hold_gives_the_size_that_the_program_declares(
    kind: str,
) -> None:
    # 2.1 in float32 is 2.09999990; coremltools multiplies in float32 and declares 21 rows, not 20.
    fed = np.ones((1, 1, 10, 1), np.float32)
    scales: dict[str, Argument] = {"scale_factor_height": 2.1, "scale_factor_width": 1}
    assert np.floor(np.float32(2.1) * np.float32(10)) == 21
    assert_computes(kind, {"x": fed}, scales, np.ones((1, 1, 21, 1), np.float32))


@pytest.mark.parametrize(
    ("mode", "fed", "expected"),
    [
        ("DEFAULT", [1, 2, 3], [1, 2, 2, 3, 3]),  # 0, 0.6, 1.2, 1.8, 2.4 -> 2
        ("UNALIGN_CORNERS", [1, 2], [1, 1, 2, 2]),  # -0.25, 0.25, 0.75, 1.25
        ("OFFSET_CORNERS", [1, 2], [1, 1, 2, 2]),  # 0.125, 0.375, 0.625, 0.875
        ("STRICT_ALIGN_CORNERS", [1, 2], [1, 1, 2, 2]),  # 0, 0.33, 0.67, 1
        ("ALIGN_CORNERS", [1, 2, 3], [1, 1, 2, 2, 3, 3]),  # 0, 0.4, 0.8, 1.2, 1.6, 2
    ],
)
def test_resize_to_nearest_neighbours_rounds_the_places_of_its_mode(
    mode: str, fed: Any, expected: Any
) -> None:
    parameters: dict[str, Argument] = {
        "shape": [1, len(expected)],
        "resized_dims": constant(2, "uint32"),
    }
    parameters |= {"interpolation_mode": text("NEAREST_NEIGHBOR"), "sampling_mode": text(mode)}
    assert_computes("resize", {"x": _row(fed)}, parameters, _row(expected))
    assert_computes(
        "resize",
        {"x": np.array([[[fed]]], np.int32)},
        parameters,
        np.array([[[expected]]], np.int32),
    )


@pytest.mark.parametrize(
    ("mode", "new"), [("DEFAULT", 4), ("STRICT_ALIGN_CORNERS", 3), ("ALIGN_CORNERS", 1)]
)
def test_a_tie_of_nearest_neighbours_is_refused(mode: str, new: int) -> None:
    parameters: dict[str, Argument] = {"shape": [1, new], "resized_dims": constant(2, "uint32")}
    parameters |= {"interpolation_mode": text("NEAREST_NEIGHBOR"), "sampling_mode": text(mode)}
    reason = refusal("resize", {"x": SLOPE}, parameters, real(1, 1, 1, new))
    assert reason == "a nearest neighbour that is a tie, whose rounding Apple does not document"


def test_a_size_of_zero_keeps_what_is_there() -> None:
    parameters: dict[str, Argument] = {"shape": [1, 0, 3], "resized_dims": constant(2, "uint32")}
    assert_computes("resize", {"x": SLOPE}, parameters, _row([0, 2 / 3, 1]))


def test_integers_are_interpolated_too() -> None:
    parameters: dict[str, Argument] = {"shape": [1, 3], "resized_dims": constant(2, "uint32")}
    parameters |= {"sampling_mode": text("STRICT_ALIGN_CORNERS")}
    assert_computes("resize", {"x": [[[[1, 3]]]]}, parameters, [[[[1, 2, 3]]]])


def test_an_axis_that_is_not_resized_stays_as_it_is_in_every_mode() -> None:
    fed = [[[[0.0, 1.0], [10.0, 11.0]]]]
    parameters: dict[str, Argument] = {"shape": [4], "resized_dims": constant(1, "uint32")}
    expected = [[[[0.125, 0.375, 0.625, 0.875], [10.125, 10.375, 10.625, 10.875]]]]
    assert_computes(
        "resize", {"x": fed}, parameters | {"sampling_mode": text("OFFSET_CORNERS")}, expected
    )


@pytest.mark.parametrize("mode", ["LINEAR", "NEAREST_NEIGHBOR"])
def test_more_than_two_axes_are_refused(mode: str) -> None:
    parameters: dict[str, Argument] = {"shape": [2, 2, 4], "resized_dims": constant(3, "uint32")}
    parameters |= {"interpolation_mode": text(mode), "sampling_mode": text("UNALIGN_CORNERS")}
    fed = np.zeros((1, 1, 1, 2), np.float32)
    assert (
        refusal("resize", {"x": fed}, parameters, real(1, 2, 2, 4))
        == "resizing of more than two axes"
    )


def test_crop_cuts_from_all_four_sides() -> None:
    image = np.arange(20, dtype=np.float32).reshape(1, 1, 4, 5)
    parameters: dict[str, Argument] = {"crop_height": [1, 2], "crop_width": [0, 3]}
    assert_computes("crop", {"x": image}, parameters, [[[[5.0, 6.0]]]])
    assert_computes("crop", {"x": image}, {"crop_height": [0, 0], "crop_width": [0, 0]}, image)
