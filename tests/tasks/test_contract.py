"""The input contract: worked pixels, and the same values after a trip through contract.json."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake.errors import DataError
from edgebake.recipe import Recipe
from edgebake.tasks.contract import Contract, from_json, from_recipe, image_classifier
from edgebake.tasks.inputs.image.spec import ImageSpec, input_of
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.outputs.classification import TASK
from edgebake.tasks.tensors import ContractInput, ContractOutput, Step, TensorSpec

LABELS = ["cat", "dog"]
GRAY = ImageSpec(
    height=2,
    width=3,
    color="grayscale",
    crop="none",
    resize="nearest",
    mean=[127.5],
    scale=[1 / 127.5],
)
RGB = replace(GRAY, color="rgb")
BGR = replace(GRAY, color="bgr")


def test_black_becomes_minus_one_and_white_one() -> None:
    image = np.array([[0, 255, 51], [102, 153, 204]], np.uint8)
    expected = np.array([[-1, 1, -0.6], [-0.2, 0.2, 0.6]], np.float32)
    np.testing.assert_allclose(GRAY.preprocess([image])[0, :, :, 0], expected, atol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 10.0, 127.5, 128.0, 255.0])
@pytest.mark.parametrize("scale", [1.0, 1 / 255, 1 / 127.5, 1 / 58.4, 0.5, 3.0])
def test_pixels_come_back_from_what_the_model_sees(mean: float, scale: float) -> None:
    contract = replace(GRAY, mean=[mean], scale=[scale])
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    pixels_again = contract.denormalize(contract.normalize(every))
    assert pixels_again.dtype == np.uint8
    np.testing.assert_array_equal(pixels_again, every)


def test_scaled_pixels_are_what_prepare_makes_of_images() -> None:
    image = np.array([[0, 255, 51], [102, 153, 204]], np.uint8)
    np.testing.assert_array_equal(
        GRAY.normalize(GRAY.resize_images([image])), GRAY.preprocess([image])
    )


@pytest.mark.parametrize(("contract", "channels"), [(GRAY, 1), (RGB, 3)])
def test_images_of_every_size_come_out_in_the_models_own(
    contract: ImageSpec, channels: int
) -> None:
    images = [np.zeros((8, 8), np.uint8), np.zeros((5, 9, 3), np.uint8)]
    prepared = contract.preprocess(images)
    assert prepared.shape == (2, 2, 3, channels)
    assert prepared.dtype == np.float32


def test_nearest_takes_pixels_and_mixes_none() -> None:
    halves = np.repeat(np.array([[0, 100, 200]], np.uint8), 4, axis=0).repeat(2, axis=1)
    assert GRAY.resize_images([halves])[0, :, :, 0].tolist() == [[0, 100, 200], [0, 100, 200]]


def test_bilinear_mixes_neighbours() -> None:
    edge = np.array([[0, 200], [0, 200]], np.uint8)
    assert replace(GRAY, resize="bilinear").resize_images([edge])[0, 0, :, 0].tolist() == [
        0,
        100,
        200,
    ]


WIDE = np.arange(60, dtype=np.uint8).reshape(5, 12)  # five rows of twelve


@pytest.mark.parametrize(
    ("height", "width", "image", "center"),
    [
        (2, 3, WIDE, WIDE[:, 2:9]),  # 5 * 3 / 2 = 7 of 12 columns, 2 of the other 5 to the left
        (2, 3, WIDE.T, WIDE.T[4:7, :]),  # 5 * 2 / 3 = 3 of 12 rows, 4 of the other 9 above
        (4, 4, WIDE, WIDE[:, 3:8]),
        (5, 12, WIDE, WIDE),
    ],
)
def test_center_takes_the_largest_part_in_the_middle_with_the_models_shape(
    height: int, width: int, image: NDArray[np.uint8], center: NDArray[np.uint8]
) -> None:
    whole = replace(GRAY, height=height, width=width, resize="bilinear")
    np.testing.assert_array_equal(
        replace(whole, crop="center").resize_images([image]), whole.resize_images([center])
    )


def test_none_takes_the_whole_image_and_stretches_it() -> None:
    assert GRAY.resize_images([WIDE])[0, :, :, 0].tolist() == [[14, 18, 22], [38, 42, 46]]


def test_short_side_keeps_the_aspect_ratio_until_the_center_is_cut_out() -> None:
    """torchvision's Resize(4) and CenterCrop((2, 3)) of an image of 5 rows and 12 columns."""
    contract = replace(GRAY, crop="center", resize="bilinear", short_side=4)
    resized = np.asarray(Image.fromarray(WIDE).resize((9, 4), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(
        contract.resize_images([WIDE])[0, :, :, 0],
        resized[1:3, 3:6],  # (4 - 2) / 2 and (9 - 3) / 2
    )


def test_without_antialiasing_a_shrunken_image_is_interpolated_between_two_pixels() -> None:
    """Centers of 3 of 12 columns are at 1.5, 5.5 and 9.5, those of 2 of 5 rows at 0.75 and 3.25."""
    contract = replace(GRAY, resize="bilinear", antialias=False)
    assert contract.resize_images([WIDE])[0, :, :, 0].tolist() == [
        [11, 15, 19],  # 0.75 * 12 + 1.5 = 10.5
        [41, 45, 49],  # 3.25 * 12 + 1.5 = 40.5
    ]


def test_an_image_a_hundred_times_as_wide_as_high_has_no_short_side() -> None:
    contract = replace(GRAY, crop="center", short_side=4)
    contract.resize_images([np.zeros((1, 100), np.uint8)])
    with pytest.raises(DataError) as error:
        contract.resize_images([np.zeros((1, 101), np.uint8)])
    assert str(error.value) == (
        "an image: has 101 x 1 pixels; "
        "expected one side at most 100 times the other, with data.short_side"
    )


def test_contracts_of_earlier_releases_antialias() -> None:
    published = json.loads(image_classifier(GRAY, LABELS).to_json())
    del published["antialias"], published["short_side"]
    assert from_json(json.dumps(published)) == image_classifier(GRAY, LABELS)
    assert GRAY.antialias
    assert GRAY.short_side is None


@pytest.mark.parametrize(
    ("options", "description"),
    [
        ({"resize": "bilinear"}, "bilinear"),
        ({"resize": "nearest", "antialias": False}, "nearest"),
        ({"resize": "bicubic", "antialias": False}, "bicubic without antialiasing"),
        ({"resize": "bilinear", "short_side": 256}, "bilinear, the shorter side to 256 pixels"),
    ],
)
def test_metadata_of_models_say_how_images_are_resized(
    options: dict[str, Any], description: str
) -> None:
    assert replace(GRAY, **options).resize_description == description


def test_gray_model_sees_the_luma_of_a_red_pixel() -> None:
    red = np.tile(np.array([255, 0, 0], np.uint8), (2, 3, 1))
    # ITU-R 601-2, as Pillow converts: 0.299 * 255 = 76.2
    assert GRAY.resize_images([red]).ravel().tolist() == [76] * 6


def test_rgb_model_sees_a_gray_pixel_three_times() -> None:
    gray = np.full((2, 3), 40, np.uint8)
    assert RGB.resize_images([gray]).ravel().tolist() == [40] * 18


def test_channels_stay_in_the_order_red_green_blue() -> None:
    pixel = np.tile(np.array([1, 2, 3], np.uint8), (2, 3, 1))
    assert RGB.resize_images([pixel])[0, 0, 0].tolist() == [1, 2, 3]


def test_blue_comes_first_where_the_contract_says_so() -> None:
    pixel = np.tile(np.array([1, 2, 3], np.uint8), (2, 3, 1))
    assert BGR.resize_images([pixel])[0, 0, 0].tolist() == [3, 2, 1]
    assert BGR.resize_images([np.full((2, 3), 40, np.uint8)]).ravel().tolist() == [40] * 18


def test_every_channel_has_its_mean_and_its_scale_in_the_order_that_the_model_sees() -> None:
    pixel = np.tile(np.array([30, 20, 10], np.uint8), (2, 3, 1))
    red_first = replace(RGB, mean=[1.0, 2.0, 3.0], scale=[0.5, 1.0, 2.0])
    assert red_first.preprocess([pixel])[0, 1, 2].tolist() == [14.5, 18.0, 14.0]
    blue_first = replace(red_first, color="bgr")
    assert blue_first.preprocess([pixel])[0, 1, 2].tolist() == [4.5, 18.0, 54.0]
    assert replace(blue_first, scale=[2.0]).preprocess([pixel])[0, 1, 2].tolist() == [
        18.0,
        36.0,
        54.0,
    ]


def test_pixels_of_several_channels_come_back_each_by_its_own_numbers() -> None:
    contract = replace(BGR, mean=[103.939, 116.779, 123.68], scale=[1 / 57.4, 1 / 57.1, 1 / 58.4])
    every = np.arange(768, dtype=np.int64).astype(np.uint8).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(contract.denormalize(contract.normalize(every)), every)


def test_contract_of_a_recipe_takes_its_values(recipe: Recipe) -> None:
    recipe.data.mean, recipe.data.scale, recipe.model.resolution = [10.0], [0.5], 24
    recipe.data.antialias, recipe.data.short_side = False, 30
    options = ContractOptions(recipe.data, recipe.model, recipe.task)
    contract = from_recipe(options, ["0", "1"])
    made = contract.image
    assert (made.height, made.width, made.color, made.resize) == (24, 24, "grayscale", "bilinear")
    assert (made.antialias, made.short_side) == (False, 30)
    assert (made.mean, made.scale, contract.labels) == ([10.0], [0.5], ["0", "1"])


def test_contract_survives_its_file() -> None:
    resized = replace(GRAY, crop="center", antialias=False, short_side=256)
    for image in (GRAY, replace(BGR, mean=[1.0, 2.0, 3.0]), resized):
        contract = image_classifier(image, LABELS)
        assert from_json(contract.to_json()) == contract


def test_contract_file_is_plain_json_that_ends_its_last_line() -> None:
    text = image_classifier(GRAY, LABELS).to_json()
    assert json.loads(text)["labels"] == ["cat", "dog"]
    assert text.endswith("}\n")


def test_a_contract_of_another_input_survives_its_file() -> None:
    mel = np.arange(6, dtype=np.float32).reshape(3, 2)
    steps: tuple[Step, ...] = ({"step": "matrix", "key": "mel"}, {"step": "log", "plus": 1e-6})
    sound = ContractInput(
        "audio", "audio", TensorSpec("audio", (49, 2, 1), "float32"), steps, {"mel": mel}
    )
    ids = ContractInput("text", "text", TensorSpec("text", (96,), "int32", 256), ())
    outputs = (*TASK.outputs(LABELS), ContractOutput("embedding", (8,), "a direction"))
    contract = Contract("classification", (sound, ids), outputs, LABELS, {"smooth": 3})
    again = from_json(contract.to_json())
    assert json.loads(contract.to_json())["contract"] == "edgebake.contract/2"
    assert again.ends == contract.ends
    assert again.outputs == outputs
    assert again.task_options == {"smooth": 3}
    np.testing.assert_array_equal(again.inputs[0].numbers["mel"], mel)
    assert again.inputs[0].steps == steps
    assert again.to_json() == contract.to_json()


def test_an_image_beside_another_input_survives_its_file() -> None:
    ids = ContractInput("text", "text", TensorSpec("text", (96,), "int32", 256), ())
    outputs = TASK.outputs(LABELS)
    contract = Contract("classification", (input_of(BGR), ids), outputs, LABELS)
    assert not contract.is_image_classifier
    assert from_json(contract.to_json()) == contract
