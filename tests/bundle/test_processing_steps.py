"""The steps before a model, for each kind of input that a file can have."""

import pytest

from edgebake.bundle import processing_steps
from edgebake.bundle.manifest_types import Step, TensorEntry
from edgebake.runtimes.session import IMAGE
from tests.contracts import image_contract, with_image

CONTRACT = image_contract(
    "classification", 48, 64, "rgb", "none", "bicubic", [10.0], [0.5], ["cat", "dog"]
)
FLOAT: TensorEntry = {
    "name": "image",
    "shape": [1, 48, 64, 3],
    "dtype": "float32",
    "layout": "NHWC",
    "scale": None,
    "zero_point": None,
}
IMAGES: TensorEntry = {**FLOAT, "dtype": IMAGE}
INTEGERS: TensorEntry = {**FLOAT, "dtype": "int8", "scale": 0.5, "zero_point": -3}


def _names(steps: list[Step]) -> list[str]:
    return [step["step"] for step in steps]


def test_a_float_input_is_normalized_and_not_quantized() -> None:
    assert processing_steps.preprocessing(CONTRACT.single_input, FLOAT, {}) == [
        {"step": "decode", "colour": "rgb"},
        {"step": "resize", "width": 64, "height": 48, "filter": "bicubic", "antialias": True},
        {"step": "normalize", "mean": 10.0, "scale": 0.5},
        {"step": "layout", "layout": "NHWC"},
    ]


def test_blue_first_and_numbers_of_each_channel_are_said_as_they_are() -> None:
    turned = with_image(CONTRACT, color="bgr", mean=[104.0, 117.0, 123.0])
    steps = processing_steps.preprocessing(turned.single_input, FLOAT, {})
    assert steps[0] == {"step": "decode", "colour": "bgr"}
    assert steps[2] == {"step": "normalize", "mean": [104.0, 117.0, 123.0], "scale": 0.5}


def test_a_crop_comes_before_the_resize_and_has_the_models_shape() -> None:
    steps = processing_steps.preprocessing(
        with_image(CONTRACT, crop="center").single_input, FLOAT, {}
    )
    assert _names(steps)[:3] == ["decode", "crop", "resize"]
    assert steps[1] == {"step": "crop", "anchor": "center", "width_to_height": 64 / 48}


def test_nearest_takes_pixels_and_smooths_nothing() -> None:
    steps = processing_steps.preprocessing(
        with_image(CONTRACT, resize="nearest").single_input, FLOAT, {}
    )
    assert steps[1]["antialias"] is False


def test_without_antialiasing_the_step_has_a_name_that_earlier_apps_refuse() -> None:
    steps = processing_steps.preprocessing(
        with_image(CONTRACT, antialias=False, crop="center").single_input, FLOAT, {}
    )
    assert _names(steps) == ["decode", "crop", "interpolate", "normalize", "layout"]
    assert steps[2] == {
        "step": "interpolate",
        "width": 64,
        "height": 48,
        "filter": "bicubic",
        "antialias": False,
    }


def test_nearest_is_one_step_with_and_without_antialiasing() -> None:
    nearest = with_image(CONTRACT, resize="nearest")
    assert processing_steps.preprocessing(
        nearest.single_input, FLOAT, {}
    ) == processing_steps.preprocessing(
        with_image(nearest, antialias=False).single_input, FLOAT, {}
    )


@pytest.mark.parametrize("antialias", [True, False])
def test_a_short_side_is_resized_before_the_center_is_cut_out(antialias: bool) -> None:
    short = with_image(CONTRACT, crop="center", short_side=100, antialias=antialias)
    steps = processing_steps.preprocessing(short.single_input, FLOAT, {})
    assert steps[:3] == [
        {"step": "decode", "colour": "rgb"},
        {
            "step": "resize_short_side",
            "short_side": 100,
            "filter": "bicubic",
            "antialias": antialias,
        },
        {"step": "center_crop", "width": 64, "height": 48},
    ]
    assert _names(steps)[3:] == ["normalize", "layout"]


def test_a_program_that_takes_an_image_gets_it_after_the_resize() -> None:
    steps = processing_steps.preprocessing(CONTRACT.single_input, IMAGES, {})
    assert _names(steps) == ["decode", "resize"]
