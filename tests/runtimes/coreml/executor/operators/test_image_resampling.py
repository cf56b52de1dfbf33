"""Images sampled between pixels, worked out by hand; the value of a pixel is its position."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, constant, real, text

ROW = [[[[10.0, 20.0, 30.0]]]]  # one row
SQUARE = [[[[11.0, 22.0], [33.0, 44.0]]]]  # the image of Apple's own examples
FIELD = np.arange(1.0, 17.0).reshape(1, 1, 4, 4)  # 1 + 4 row + column
THIRD = 1 / 3


def _sampling(
    sampling: str, padding: str, coordinates: str = "unnormalized", aligned: bool = True
) -> dict[str, Argument]:
    return {
        "sampling_mode": text(sampling),
        "padding_mode": text(padding),
        "coordinates_mode": text(coordinates),
        "padding_value": 5.0,
        "align_corners": aligned,
    }


def _columns(places: list[float], row: float = 0) -> Array:
    """Return coordinates in the one row of an image."""
    return np.array([[[[position, row] for position in places]]], np.float32)


def _row(values: list[float]) -> Array:
    return np.array([[[values]]], np.float32)


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        # |10 20 30| goes on as
        ("constant", [5, 5, 7.5, 10, 12.5, 30, 11.25, 5, 5, 5]),  # 5 5 5|5 5 5 5
        ("border", [10, 10, 10, 10, 12.5, 30, 30, 30, 30, 30]),  # 10 10 10|30 30 30 30
        ("reflection", [30, 20, 15, 10, 12.5, 30, 22.5, 20, 10, 20]),  # 20 30 20|20 10 20 30
        ("symmetric", [20, 10, 10, 10, 12.5, 30, 30, 30, 20, 10]),  # 30 20 10|30 20 10 10
    ],
)
def test_resample_goes_on_outside_of_the_image(padding: str, expected: list[float]) -> None:
    places = [-2, -1, -0.5, 0, 0.25, 2, 2.75, 3, 4, 5]
    assert_computes(
        "resample",
        {"x": ROW, "coordinates": _columns(places)},
        _sampling("bilinear", padding),
        _row(expected),
    )


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("constant", [5, 10, 10, 20, 30, 5]),
        ("border", [10, 10, 10, 20, 30, 30]),
        ("reflection", [20, 10, 10, 20, 30, 20]),
        ("symmetric", [10, 10, 10, 20, 30, 30]),
    ],
)
def test_resample_to_the_nearest_pixel(padding: str, expected: list[float]) -> None:
    places = [-0.75, -0.25, 0.25, 0.75, 2.25, 2.75]
    assert_computes(
        "resample",
        {"x": ROW, "coordinates": _columns(places)},
        _sampling("nearest", padding),
        _row(expected),
    )


def test_a_tie_goes_to_the_even_pixel() -> None:
    fed = {"x": ROW, "coordinates": _columns([0.5, 1.5])}
    assert_computes("resample", fed, _sampling("nearest", "border"), [[[[10.0, 30.0]]]])


@pytest.mark.parametrize("padding", ["border", "reflection", "symmetric"])
@pytest.mark.parametrize("sampling", ["bilinear", "nearest"])
def test_an_axis_of_one_pixel_has_its_value_everywhere(sampling: str, padding: str) -> None:
    fed = {"x": [[[[7.0]]]], "coordinates": _columns([-3.2, 0, 0.4, 8])}
    assert_computes("resample", fed, _sampling(sampling, padding), [[[[7.0] * 4]]])


@pytest.mark.parametrize(
    ("coordinates", "aligned", "places", "expected"),
    [
        ("unnormalized", True, [0, 1, 2], [10, 20, 30]),
        ("unnormalized", False, [0, 1, 2], [10, 20, 30]),
        # Aligned: the ends are the middles of the first and the last pixel.
        ("normalized_minus_one_to_one", True, [-1, 0, 0.5, 1], [10, 20, 25, 30]),
        ("normalized_zero_to_one", True, [0, 0.5, 0.75, 1], [10, 20, 25, 30]),
        # Else they are the outer edges: half a pixel further, half of it padding.
        ("normalized_minus_one_to_one", False, [-1, -2 / 3, 0, THIRD, 1], [7.5, 10, 20, 25, 17.5]),
        ("normalized_zero_to_one", False, [0, THIRD / 2, 0.5, 2 / 3, 1], [7.5, 10, 20, 25, 17.5]),
    ],
)
def test_resample_reads_coordinates_in_each_mode(
    coordinates: str, aligned: bool, places: list[float], expected: list[float]
) -> None:
    parameters, middle = (
        _sampling("bilinear", "constant", coordinates, aligned),
        float("zero_to_one" in coordinates) / 2,
    )
    assert_computes(
        "resample", {"x": ROW, "coordinates": _columns(places, middle)}, parameters, _row(expected)
    )


def test_resample_takes_columns_before_rows_and_integers_too() -> None:
    parameters = _sampling("bilinear", "constant")
    for dtype in (np.float32, np.int32):
        coordinates = np.array([[[[1, 0], [0, 1]]]], dtype)
        assert_computes(
            "resample", {"x": SQUARE, "coordinates": coordinates}, parameters, [[[[22.0, 33.0]]]]
        )


def test_resample_of_several_images_and_channels() -> None:
    images = np.arange(2.0 * 3 * 1 * 3).reshape(2, 3, 1, 3)  # 9 image + 3 channel + column
    coordinates = np.concatenate([_columns([0.5, 2]), _columns([1, 1.5])])
    expected = [[[[0.5, 2]], [[3.5, 5]], [[6.5, 8]]], [[[10, 10.5]], [[13, 13.5]], [[16, 16.5]]]]
    parameters = _sampling("bilinear", "border")
    assert_computes(
        "resample",
        {"x": images, "coordinates": coordinates},
        parameters,
        np.array(expected, np.float32),
    )


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (_sampling("cubic", "border"), "sampling_mode cubic"),
        (_sampling("nearest", "wrap"), "padding_mode wrap"),
        (_sampling("nearest", "border", "pixels"), "coordinates_mode pixels"),
    ],
)
def test_resample_in_another_mode_is_refused(parameters: dict[str, Argument], reason: str) -> None:
    assert (
        refusal("resample", {"x": ROW, "coordinates": _columns([0])}, parameters, real(1, 1, 1, 1))
        == reason
    )


def _affine(height: int, width: int, **overrides: Argument) -> dict[str, Argument]:
    parameters = _sampling("bilinear", "constant", "normalized_minus_one_to_one")
    parameters |= {"padding_value": 0.0, "output_height": height, "output_width": width}
    return parameters | overrides


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([1, 0, 0, 0, 1, 0], [[11, 16.5, 22], [22, 27.5, 33], [33, 38.5, 44]]),
        ([0, 1, 0, 1, 0, 0], [[11, 22, 33], [16.5, 27.5, 38.5], [22, 33, 44]]),  # rows for columns
        ([-1, 0, 0, 0, 1, 0], [[22, 16.5, 11], [33, 27.5, 22], [44, 38.5, 33]]),  # mirrored
        (
            [1, 0, 1, 0, 1, 0],
            [[16.5, 22, 11], [27.5, 33, 16.5], [38.5, 44, 22]],
        ),  # half a pixel on, into the zeros
    ],
)
def test_affine_moves_the_corners(matrix: list[float], expected: Any) -> None:
    fed = {"x": SQUARE, "transform_matrix": np.array([matrix], np.float32)}
    assert_computes("affine", fed, _affine(3, 3), np.array([[expected]], np.float32))


def test_affine_example_of_coremltools() -> None:
    fed = {"x": SQUARE, "transform_matrix": [[-1.0, -2.0, -3.7, -1.0, 3.5, 1.2]]}
    # The corner (-1, -1) samples (-0.7, -1.3), column 0.15 and row -0.15:
    # (11 * 0.85 + 22 * 0.15) * 0.85. (0, -1) samples column -0.35 and row -0.65:
    # 11 * 0.65 * 0.35. (-1, 0) samples column -0.85 and row 1.6: 33 * 0.15 * 0.4.
    expected = np.array([[[[10.7525, 2.5025, 0], [1.98, 0, 0], [0, 0, 0]]]], np.float32)
    assert_computes("affine", fed, _affine(3, 3), expected)


@pytest.mark.parametrize("count", [1, 2])
def test_affine_has_one_matrix_for_all_images_or_one_each(count: int) -> None:
    images = np.concatenate([np.array(SQUARE), -np.array(SQUARE)])
    matrices = np.array([[1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, 1, 0]], np.float32)[:count]
    second = [[-11, -22], [-33, -44]] if count == 1 else [[-22, -11], [-44, -33]]
    expected = np.array([[[[11, 22], [33, 44]]], [second]], np.float32)
    assert_computes("affine", {"x": images, "transform_matrix": matrices}, _affine(2, 2), expected)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (_affine(2, 2, sampling_mode=text("nearest")), "sampling_mode nearest"),
        (_affine(2, 2, padding_mode=text("border")), "padding_mode border"),
        (_affine(2, 2, coordinates_mode=text("unnormalized")), "coordinates_mode unnormalized"),
        (
            _affine(2, 2, padding_value=1.0),
            "a padding_value or corners that are not aligned, neither of which Core ML",
        ),
        (
            _affine(2, 2, align_corners=False),
            "a padding_value or corners that are not aligned, neither of which Core ML",
        ),
        (_affine(1, 2), "one row or column"),
    ],
)
def test_affine_otherwise_is_refused(parameters: dict[str, Argument], reason: str) -> None:
    fed = {"x": SQUARE, "transform_matrix": [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]}
    assert refusal("affine", fed, parameters, real(1, 1, 2, 2)).startswith(reason)


def _crop(height: int, width: int, mode: str, **options: Argument) -> dict[str, Argument]:
    size: dict[str, Argument] = {"target_height": height, "target_width": width}
    return {**size, "sampling_mode": text(mode), **options}


@pytest.mark.parametrize(
    ("mode", "columns"),
    [
        # Between the pixels 1 and 3, whose values are 2 and 4; the box is three pixels wide.
        ("STRICT_ALIGN_CORNERS", [2]),
        ("STRICT_ALIGN_CORNERS", [2, 3, 4]),
        ("ALIGN_CORNERS", [3]),
        ("ALIGN_CORNERS", [2, 2.5, 3, 3.5, 4]),
        ("DEFAULT", [2]),
        ("DEFAULT", [2, 3.5]),  # 1 + 3 / 2
        ("DEFAULT", [2, 2.5, 3, 3.5, 4, 4]),  # not beyond the box
        ("OFFSET_CORNERS", [3]),
        ("OFFSET_CORNERS", [2.25, 2.75, 3.25, 3.75]),
    ],
)
def test_crop_resize_looks_into_a_box_in_each_mode(mode: str, columns: list[float]) -> None:
    fed = {"x": FIELD, "boxes": [[0.0, 1.0, 0.0, 3.0]]}
    assert_computes("crop_resize", fed, _crop(1, len(columns), mode), _row(columns))


def test_crop_resize_spreads_a_box_of_less_than_a_pixel_no_further_than_its_end() -> None:
    fed = {"x": FIELD, "boxes": [[0.0, 1.0, 0.0, 1.5]]}
    assert_computes(
        "crop_resize", fed, _crop(1, 4, "OFFSET_CORNERS"), [[[[2.125, 2.375, 2.5, 2.5]]]]
    )


@pytest.mark.parametrize(
    ("mode", "box"),
    [
        ("CORNERS_HEIGHT_FIRST", [0, 1, 2, 3]),
        ("CORNERS_WIDTH_FIRST", [1, 0, 3, 2]),
        ("CENTER_SIZE_HEIGHT_FIRST", [1, 2, 2, 2]),
        ("CENTER_SIZE_WIDTH_FIRST", [2, 1, 2, 2]),
    ],
)
@pytest.mark.parametrize(("scaled", "normalized"), [(1.0, False), (0.5, False), (3.0, True)])
def test_crop_resize_reads_boxes_in_each_mode(
    mode: str, box: list[int], scaled: float, normalized: bool
) -> None:
    # The unit of normalized boxes is the distance of the first and the last pixel, 3; the others
    # are scaled back.
    parameters = _crop(
        2, 2, "ALIGN_CORNERS", box_coordinate_mode=text(mode), normalized_coordinates=normalized
    )
    parameters |= {} if normalized else {"spatial_scale": scaled}
    fed = {"x": FIELD, "boxes": np.array([box], np.float32) / np.float32(scaled)}
    assert_computes("crop_resize", fed, parameters, [[[[2.0, 4.0], [10.0, 12.0]]]])


def test_crop_resize_turns_a_box_round_whose_end_comes_first() -> None:
    fed = {"x": FIELD, "boxes": [[2.0, 2.0, 1.0, 1.0]]}
    assert_computes(
        "crop_resize", fed, _crop(2, 2, "ALIGN_CORNERS"), [[[[11.0, 10.0], [7.0, 6.0]]]]
    )


@pytest.mark.parametrize(("parameters", "outside"), [({}, 0.0), ({"pad_value": 10.0}, 10.0)])
def test_crop_resize_does_not_mix_what_is_outside_with_the_last_pixel(
    parameters: dict[str, Argument], outside: float
) -> None:
    fed = {"x": FIELD, "boxes": [[0.0, -0.5, 0.0, 3.5]]}
    expected = [[[[outside, 1.5, 2.5, 3.5, outside]]]]
    assert_computes("crop_resize", fed, _crop(1, 5, "ALIGN_CORNERS", **parameters), expected)


IMAGES = np.concatenate([FIELD, 100 + FIELD])


def test_crop_resize_takes_each_box_from_the_image_of_its_index() -> None:
    parameters = _crop(1, 2, "ALIGN_CORNERS")
    boxes = np.array([[0, 0, 0, 3], [1, 0, 1, 3]], np.float32)
    in_order = [[[[1.0, 4.0]]], [[[105.0, 108.0]]]]
    assert_computes("crop_resize", {"x": IMAGES, "boxes": boxes}, parameters, in_order)
    swapped = {"x": IMAGES, "boxes": boxes, "box_indices": np.array([1, 0], np.int32)}
    assert_computes("crop_resize", swapped, parameters, [[[[101.0, 104.0]]], [[[5.0, 8.0]]]])


def test_crop_resize_of_whole_numbers() -> None:
    boxes = constant(np.array([[1, 1, 2, 2]], np.uint16))
    assert_computes(
        "crop_resize",
        {"x": FIELD},
        _crop(2, 2, "ALIGN_CORNERS", boxes=boxes),
        [[[[6.0, 7.0], [10.0, 11.0]]]],
    )


def test_crop_resize_before_ios_17_takes_every_box_from_every_image() -> None:
    boxes = np.array([[0, 0, 0, 3], [1, 0, 1, 3]], np.float32).reshape(2, 1, 4, 1, 1)
    expected = np.array([[[1, 4], [101, 104]], [[5, 8], [105, 108]]], np.float32).reshape(
        2, 2, 1, 1, 2
    )
    assert_computes(
        "crop_resize", {"x": IMAGES, "roi": boxes}, _crop(1, 2, "ALIGN_CORNERS"), expected
    )


def test_crop_resize_before_ios_17_takes_boxes_that_name_the_only_image() -> None:
    boxes = np.array([[0, 0, 0, 0, 3], [0, 1, 0, 1, 3]], np.float32).reshape(2, 1, 5, 1, 1)
    expected = np.array([[1, 4], [5, 8]], np.float32).reshape(2, 1, 1, 1, 2)
    assert_computes(
        "crop_resize", {"x": FIELD, "roi": boxes}, _crop(1, 2, "ALIGN_CORNERS"), expected
    )
    reason = refusal(
        "crop_resize",
        {"x": IMAGES, "roi": boxes},
        _crop(1, 2, "ALIGN_CORNERS"),
        real(2, 2, 1, 1, 2),
    )
    assert (
        reason
        == "boxes that name one of several images: coremltools declares another shape than it"
        " documents"
    )


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (
            _crop(1, 2, "UNALIGN_CORNERS"),
            "sampling_mode UNALIGN_CORNERS, on which coremltools' documentation and tests disagree",
        ),
        (_crop(1, 2, "CUBIC"), "sampling_mode CUBIC"),
        (
            _crop(1, 2, "DEFAULT", box_coordinate_mode=text("CORNERS")),
            "box_coordinate_mode CORNERS",
        ),
    ],
)
def test_crop_resize_in_another_mode_is_refused(
    parameters: dict[str, Argument], reason: str
) -> None:
    assert (
        refusal(
            "crop_resize",
            {"x": FIELD, "boxes": [[0.0, 0.0, 0.0, 3.0]]},
            parameters,
            real(1, 1, 1, 2),
        )
        == reason
    )
